"""Watch a Python program and say, with evidence, whether its tasks take turns or really run at the
same moment.

The names here are loaded when they are first used: the watched program may import this package for
``task`` alone, and must not pay for the analysis.
"""

from __future__ import annotations

__version__ = "0.1.0"
TYPE_CHECKING = False  # as in typing, which would cost every watched program its import
if TYPE_CHECKING:
    from twocooks._measure import Measurement, measure, measured, stop
    from twocooks._task import task
    from twocooks.api import load, run
    from twocooks.model import MeasureError

__all__ = [
    "MeasureError",
    "Measurement",
    "__version__",
    "load",
    "measure",
    "measured",
    "run",
    "stop",
    "task",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        value: object
        if name == "task":  # used inside watched programs: no need of the rest
            from twocooks._task import task as value
        elif name == "MeasureError":
            from twocooks import model

            value = model.MeasureError
        elif name not in ("load", "run"):  # the same, until somebody asks for numbers
            from twocooks import _measure

            value = getattr(_measure, name)
        else:
            from twocooks import api

            value = getattr(api, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'twocooks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
