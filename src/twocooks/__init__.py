"""Watch a Python program and say, with evidence, whether its tasks take turns or really run at the
same moment.

The names here are loaded when they are first used: the watched program may import this package for
``task`` alone, and must not pay for the analysis.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load", "run", "task"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        if name == "task":  # used inside watched programs: no need of the rest
            from twocooks.task import task as value
        else:
            from twocooks import api

            value = getattr(api, name)
        globals()[name] = value  # also over the submodule of the same name
        return value
    raise AttributeError(f"module 'twocooks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
