"""What other libraries make of the tables. (``pip install 'twocooks[data]'`` installs them.)"""

from __future__ import annotations

import gc
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.analyse import scenes
from tests.unit.export.test_arrow import TABLES, plain, run_of
from twocooks.api import Run
from twocooks.export.table import Table

SOME = (scenes.lock_fine, scenes.gil_threads, scenes.loop_held, scenes.relay, scenes.nothing)
some_scenes = pytest.mark.parametrize("scene", SOME, ids=lambda s: s.__name__)


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


def tables(scene: scenes.Scene) -> list[Table]:
    run = run_of(scene)
    return [getattr(run, name) for name in TABLES]


@some_scenes
def test_pyarrow(scene: scenes.Scene) -> None:
    pyarrow = library("pyarrow")
    for table in tables(scene):
        for found in (pyarrow.table(table), pyarrow.record_batch(table)):
            found.validate(full=True)
            assert found.to_pydict() == plain(table)
            assert found.schema == pyarrow.schema(table)


def test_pyarrow_copies_no_numbers_and_keeps_them() -> None:
    pyarrow = library("pyarrow")
    run = run_of(scenes.two_processes)
    start = run.intervals["start_ns"]
    address, expected = start.__array_interface__["data"][0], start.tolist()
    found = pyarrow.table(run.intervals)
    assert found["start_ns"].chunk(0).buffers()[1].address == address
    del run, start
    gc.collect()
    assert found["start_ns"].to_pylist() == expected


@some_scenes
def test_polars(scene: scenes.Scene) -> None:
    polars = library("polars")
    for table in tables(scene):
        assert polars.DataFrame(table).to_dict(as_series=False) == plain(table)


def values_of(series: Any, null: int | None = None) -> list[Any]:
    """The values of a pandas column, nulls (and what stands for them in numpy) as None."""
    pairs = zip(series.tolist(), series.isna().tolist(), strict=True)
    return [None if missing or value == null else value for value, missing in pairs]


@some_scenes
def test_pandas(scene: scenes.Scene) -> None:
    pandas = library("pandas")
    for table in tables(scene):
        found = pandas.DataFrame(dict(table))
        assert {name: values_of(found[name], -1) for name in found} == plain(table)


@some_scenes
def test_pandas_by_arrow(scene: scenes.Scene) -> None:
    pandas, _ = library("pandas"), library("pyarrow")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("this pandas takes no capsules")
    for table in tables(scene):
        found = pandas.DataFrame.from_arrow(table)
        assert {name: values_of(found[name]) for name in found} == plain(table)


@some_scenes
def test_duckdb(scene: scenes.Scene) -> None:
    duckdb = library("duckdb")
    for one in tables(scene):
        for _ in range(2):  # a table may be asked more than once
            rows = duckdb.sql("select * from one").fetchall()
            assert rows == list(zip(*plain(one).values(), strict=True))


def test_hostile_names_reach_them_all() -> None:
    b = scenes.program(3)
    trace, names = b.trace(), ["a\0b", "\udcff\u202e\x1b[31m", "🍚" * 250_000]
    for n, name in enumerate(names):
        place = trace.texts.index(f"T{n}\x1fwork\x1fapp.py\x1f3")
        trace.texts[place] = trace.texts[place].replace(f"T{n}", name)
    for n in range(3):
        b.on(n % 2, 11 + n, 0.02 * n + 0.02, 0.02 * n + 0.03, exits=True)
    run = Run(replace(b.trace(), texts=trace.texts), Path("x"))
    tasks = run.tasks
    clean = [name.encode("utf-8", "backslashreplace").decode() for name in names]
    assert set(clean) <= set(tasks["name"])
    expected, met = plain(tasks)["name"], 0
    for name, read in {
        "pyarrow": lambda lib, one: lib.table(one)["name"].to_pylist(),
        "polars": lambda lib, one: lib.DataFrame(one)["name"].to_list(),
        "duckdb": lambda lib, one: [row[0] for row in lib.sql("select name from one").fetchall()],
    }.items():
        if find_spec(name) is not None:
            assert read(import_module(name), tasks) == expected, name
            met += 1
    if not met:
        pytest.skip("none of pyarrow, polars, duckdb is installed")


def test_numpy_itself_needs_none_of_them() -> None:
    table = run_of(scenes.lock_fine).intervals
    assert np.asarray(table["start_ns"]).dtype == np.int64
