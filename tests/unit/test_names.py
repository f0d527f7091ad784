"""The names of the package, taken by several threads at once."""

from __future__ import annotations

import importlib.util

import twocooks


def test_no_module_has_the_name_of_something_public() -> None:
    """The import of a module puts it into the package: a thread that looks just then would find it
    in place of the class."""
    for name in twocooks.__all__:
        if name != "__version__":
            assert importlib.util.find_spec(f"twocooks.{name}") is None, name
            assert callable(getattr(twocooks, name))
