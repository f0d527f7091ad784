"""Imports run one way. Every import statement is read, also those inside functions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import twocooks

ROOT = Path(twocooks.__file__).parent

SEES: dict[str, set[str]] = {
    "model": set(),
    "format": {"model", "_codec"},
    "read": {"model", "format", "_tables"},
    "analyse": {"model", "format", "read", "_tables"},
    "report": {"model", "format", "read", "analyse"},
    "export": {"model", "format", "read", "analyse", "_arrow"},
    "view": {"model", "read", "analyse", "report"},
    "gate": {"model", "analyse", "report"},
    "kitchen": {"model", "format", "read", "analyse", "report", "record", "api", "_task"},
    "lesson": {"model", "format", "read", "analyse", "report", "record", "api", "_task", "kitchen"},
    "record": {"model", "format", "_core"},
    "_also_async": set(),
    "_view": {"model"},
    "_task": {"_also_async", "model", "record"},
    "_measure": {"_also_async", "_view", "model", "format", "read", "analyse", "record", "api"},
    "api": {"_task", "_view", "model", "format", "read", "analyse", "report", "export", "record",
            "cli"},
    "cli": {"*"},
    "__main__": {"cli"},
    "pytest_plugin": {"_also_async", "model", "analyse", "report", "gate", "api"},
    "__init__": {"api", "_task", "_measure", "model"},
    "_arrow": set(),
    "_codec": set(),
    "_core": set(),
    "_tables": set(),
}
"""Who may see whom. ``report`` and ``export`` only format; ``record`` sees neither readers nor
analysis; only ``api``, ``cli``, ``kitchen`` (and the blocks that a program uses) see ``record``;
``api.run`` starts a program as the command line does."""


def part_of(module: str) -> str:
    """The part of the package that a dotted name belongs to ("" = the package itself)."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, tree: ast.AST) -> set[str]:
    """Parts of twocooks that a file imports."""
    package = ["twocooks", *path.relative_to(ROOT).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {part_of(name) for name in names if name.split(".")[0] == "twocooks"}
    return found - {"", "__version__"}


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert part in SEES, f"{part} has no place in the layers: give it one"
    seen = imports(path, ast.parse(path.read_text(encoding="utf-8")))
    allowed = SEES[part]
    wrong = set() if "*" in allowed else seen - allowed - {part}
    assert not wrong, f"{path.relative_to(ROOT)} must not see {sorted(wrong)}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("import twocooks.record.watch", {"record"}),
        ("from twocooks import analyse, _codec", {"analyse", "_codec"}),
        ("def f():\n    from twocooks.report.terminal import page", {"report"}),
        ("from .. import record", {"record"}),
        ("from ..record.watch import start", {"record"}),
        ("from . import reader", {"read"}),
        ("import json, numpy", set()),
    ],
)
def test_the_reading_of_imports(text: str, parts: set[str]) -> None:
    assert imports(ROOT / "read" / "x.py", ast.parse(text)) == parts
