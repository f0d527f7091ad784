"""What a known-answer program needs, and why it cannot be run here."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys

LIBRARIES = ("anyio", "joblib", "numpy", "trio", "uvloop")


def has_gil() -> bool:
    """Whether threads of this Python need the GIL."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@functools.cache
def free_threaded_python() -> str | None:
    """A free-threaded Python: the one of the tests, TWOCOOKS_PY_FT, or one in PATH."""
    if not has_gil():
        return sys.executable
    for name in (os.environ.get("TWOCOOKS_PY_FT"), "python3.13t", "python3.14t"):
        path = shutil.which(name) if name else None
        if path and _is_free(path):
            return path
    return None


def _is_free(path: str) -> bool:
    code = "import sys; sys.exit(getattr(sys, '_is_gil_enabled', lambda: True)())"
    return subprocess.run([path, "-c", code], capture_output=True).returncode == 0


@functools.cache
def blas_threads() -> bool:
    """Whether numpy's matrix product has threads of its own here."""
    if importlib.util.find_spec("numpy") is None:
        return False
    code = (
        "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '2'\nimport numpy\n"
        "a = numpy.ones((300, 300))\na @ a\n"
        "raise SystemExit(len(os.listdir('/proc/self/task')) < 2)"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def missing(need: str) -> str | None:
    """Why this need is not met here (None = it is)."""
    if need in LIBRARIES and importlib.util.find_spec(need) is None:
        return f"{need} is not installed"
    if need == "blas" and not blas_threads():
        return "numpy has no BLAS with threads here"
    if need == "eager" and sys.version_info < (3, 12):
        return "eager tasks came with Python 3.12"
    if need == "interpreters" and (sys.version_info < (3, 13) or not has_gil()):
        return "interpreters with a GIL each, in a module of their own, came with Python 3.13"
    if need == "interpreter-pool" and sys.version_info < (3, 14):
        return "InterpreterPoolExecutor came with Python 3.14"
    if need in ("sort", "taskset") and shutil.which(need) is None:
        return f"no {need} here"
    if need == "free-threaded" and free_threaded_python() is None:
        return "no free-threaded Python (TWOCOOKS_PY_FT)"
    if need in ("cores", "load") and len(os.sched_getaffinity(0)) < 2:
        return "cores not free: fewer than two usable"
    return None
