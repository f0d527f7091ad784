"""Builds parts of the C core by themselves, so that tests can call them without Python around."""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "core"
FLAGS = ("-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", f"-I{CORE}")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Kept until the tests end. Open to other users, who run what was built here."""
    folder = tempfile.TemporaryDirectory(prefix="twocooks-c-")
    Path(folder.name).chmod(0o755)
    return folder


def _build(name: str, sources: tuple[str, ...], *flags: str) -> Path:
    target = Path(_folder().name) / name
    paths = [str(ROOT / source) for source in sources]
    done = subprocess.run(
        ["gcc", *FLAGS, *flags, "-o", str(target), *paths], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return target


@functools.cache
def library(*sources: str) -> ctypes.CDLL:
    """A shared library of these sources (paths from the root of the project)."""
    name = "lib" + "-".join(Path(source).stem for source in sources) + ".so"
    return ctypes.CDLL(str(_build(name, sources, "-shared", "-fPIC")))


@functools.cache
def program(*sources: str, sanitize: bool = False) -> Path:
    """A program of these sources; sanitize: stops at any memory error or undefined behaviour."""
    name = Path(sources[0]).stem + ("-checked" if sanitize else "")
    return _build(name, sources, *(SANITIZE if sanitize else ()))
