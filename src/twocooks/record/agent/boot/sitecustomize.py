"""Starts the agent in a watched Python program, then leaves no trace of itself.

The recorder puts this folder at the head of PYTHONPATH, so that `site` finds this file where it
looks for a sitecustomize. It takes the folder out of sys.path again, loads the agent by its path
(outside sys.modules), and makes room for the program's own sitecustomize, whose errors are its own.
Whatever goes wrong on the way means only that there is no agent. It imports nothing that is not
loaded.
"""

import sys


def _script(argv: "list[str]") -> str:
    """What the command line runs: a script's path, the name after -m, "-c", or "" for a prompt."""
    arguments = iter(argv[1:])
    for argument in arguments:
        if argument == "-" or not argument.startswith("-"):
            return argument
        if argument in ("-X", "-W", "--check-hash-based-pycs"):
            next(arguments, "")
        elif not argument.startswith(("--", "-X", "-W")):
            if "c" in argument:
                return "-c"
            if "m" in argument:
                return argument.partition("m")[2] or next(arguments, "")
    return ""


def _start(boot: str) -> None:
    import os

    arena = os.environ.get("TWOCOOKS_ARENA")
    if not arena:
        return
    imp, bootstrap = sys.modules["_imp"], sys.modules["_frozen_importlib"]
    folder = os.path.dirname(boot)
    for suffix in imp.extension_suffixes():
        path = f"{folder}/_agent{suffix}"
        if os.path.exists(path):
            spec = bootstrap.ModuleSpec("_agent", None, origin=path)
            agent = imp.create_dynamic(spec)
            imp.exec_dynamic(agent)
            agent.start(arena, _script(sys.orig_argv), bootstrap)
            return


def _leave() -> str:
    boot = __file__.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != boot]
    sys.path_importer_cache.pop(boot, None)
    sys.modules.pop("sitecustomize", None)
    return boot


_boot = _leave()
try:  # noqa: SIM105 - contextlib may not be loaded
    _start(_boot)
except Exception:
    pass

# The program's own, further down sys.path; where there is none this raises what site expects.
import sitecustomize  # type: ignore[import-not-found]  # noqa: E402, F401
