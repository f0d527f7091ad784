"""None of our modules may switch the GIL back on in a free-threaded Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import twocooks

IMPORT_ALL = """
import importlib, pkgutil, sys, twocooks
names = [m.name for m in pkgutil.walk_packages(twocooks.__path__, "twocooks.")
         if ".boot" not in m.name and not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
    if sys._is_gil_enabled():
        raise SystemExit(f"{name} switched the GIL on")
print(sum(sys.modules[name].__file__.endswith(".so") for name in names))
"""
CORE = Path(__file__).resolve().parents[2] / "src" / "core"


def modules() -> list[Path]:
    """The sources of extension modules."""
    return [file for file in CORE.glob("*.c") if "PyMODINIT_FUNC" in file.read_text()]


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="only a free-threaded Python can tell"
)
def test_no_module_of_ours_switches_the_gil_on() -> None:
    env = {k: v for k, v in os.environ.items() if k != "PYTHON_GIL"}
    env["PYTHONPATH"] = str(Path(twocooks.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True,
                          env=env)  # fmt: skip
    assert (done.stderr, done.stdout) == ("", f"{len(modules())}\n")


def test_every_extension_says_that_it_needs_no_gil() -> None:
    """The same on any Python, by the sources: a module without that slot switches the GIL on."""
    assert len(modules()) >= 3
    for file in modules():
        assert re.search(r"\{Py_mod_gil, Py_MOD_GIL_NOT_USED\}", file.read_text()), file.name
