"""The Arrow C data interface, walked by ctypes: contents, and above all lifetimes."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit import arrow_walk as walk
from tests.unit.analyse import scenes
from twocooks import _arrow
from twocooks.api import Run
from twocooks.export.table import Table

TABLES = ("tasks", "intervals", "waits", "switches", "slices", "steps")


def run_of(scene: scenes.Scene) -> Run:
    return Run(scene().trace(), Path("scene"))


def plain(table: Table) -> dict[str, list[Any]]:
    """The table by its own numpy columns, null as None."""
    return {
        name: [v if ok else None for v, ok in zip(table[name].tolist(), table.valid(name).tolist(),
                                                  strict=True)]
        for name in table.columns
    }  # fmt: skip


@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_arrow_says_what_numpy_says(scene: scenes.Scene) -> None:
    run = run_of(scene)
    for name in TABLES:
        table: Table = getattr(run, name)
        both = table.__arrow_c_array__()
        schema, array = walk.inside(both[0], walk.Schema), walk.inside(both[1], walk.Array)
        assert array.length == len(table)
        assert walk.table(schema, array) == plain(table)


def test_units_and_meanings_travel_with_the_columns() -> None:
    table = run_of(scenes.lock_fine).waits
    capsule = table.__arrow_c_schema__()
    schema = walk.inside(capsule, walk.Schema)
    assert walk.metadata(schema) == {"twocooks.table": "waits"}
    for i, field in enumerate(table.schema()):
        child = schema.children[i].contents
        told = {"unit": field.unit, "meaning": field.meaning, "null": field.null}
        assert walk.metadata(child) == {f"twocooks.{k}": v for k, v in told.items() if v}
        assert bool(child.flags & 2) == bool(field.null)


def test_what_was_taken_outlives_the_run_and_its_siblings() -> None:
    run = run_of(scenes.lock_fine)
    expected = plain(run.intervals)
    both = run.intervals.__arrow_c_array__()
    schema = walk.moved(walk.inside(both[0], walk.Schema))
    array = walk.moved(walk.inside(both[1], walk.Array))
    del run, both
    gc.collect()
    assert walk.table(schema, array) == expected
    state, one = schema.children[3].contents, walk.moved(array.children[3].contents)
    walk.release(array)  # a child that was taken out stays
    assert walk.column(state, one) == expected["state"]
    walk.release(one)
    child = walk.moved(state)
    walk.release(schema)
    assert child.name == b"state"
    walk.release(child)


def pair(values: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Schema and array of a struct with one int64 column and one text column of these."""
    texts = b"u", b"", None, 0, (), None
    text = 2, 0, (None, np.array([0, 1, 3], np.int32), b"abc"), (), None
    schema = b"+s", b"", None, 0, ((b"l", b"x", None, 0, (), None),
                                   (b"l", b"t", None, 0, (), texts)), None  # fmt: skip
    columns = (len(values), 0, (None, values), (), None), (len(values), 0, (None, values), (), text)
    return schema, (len(values), 0, (None,), columns, None)


def kept() -> tuple[Any, Any, Any]:
    """Schema and array over a numpy array that nobody else holds, and a weak look at that."""
    values = np.zeros(1000, np.int64)
    return *pair(values), weakref.ref(values)


def test_nothing_taken_nothing_kept() -> None:
    for make in (_arrow.array, _arrow.stream):
        schema, array, look = kept()
        capsule = make(schema, array)
        del array
        gc.collect()
        assert look() is not None
        del capsule
        gc.collect()
        assert look() is None


def test_release_needs_no_gil_and_no_thread_of_python() -> None:
    schema, array, look = kept()
    both = _arrow.array(schema, array)
    taken = walk.moved(walk.inside(both[1], walk.Array))
    del array, both
    gc.collect()
    assert look() is not None
    other = threading.Thread(target=walk.release, args=(taken,))
    other.start()
    other.join()
    gc.collect()
    assert look() is None


def test_many_threads_export_and_release_at_once() -> None:
    table = run_of(scenes.lock_fine).intervals
    expected, wrong = plain(table), []

    def consumer() -> None:
        for _ in range(5):
            both = table.__arrow_c_array__()
            schema = walk.moved(walk.inside(both[0], walk.Schema))
            array = walk.moved(walk.inside(both[1], walk.Array))
            if walk.table(schema, array) != expected:
                wrong.append(1)
            walk.release(array)
            walk.release(schema)

    threads = [threading.Thread(target=consumer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_stream_gives_its_schema_often_and_its_rows_once() -> None:
    run = run_of(scenes.lock_fine)
    expected = plain(run.waits)
    capsule = run.waits.__arrow_c_stream__()
    stream = walk.moved(walk.inside(capsule, walk.Stream))
    del run, capsule
    gc.collect()
    schemas = [walk.Schema(), walk.Schema()]
    for schema in schemas:
        assert stream.get_schema(stream, schema) == 0
    array, end = walk.Array(), walk.Array()
    assert stream.get_next(stream, array) == 0
    assert stream.get_next(stream, end) == 0
    assert not end.release
    assert stream.get_last_error(stream) == b"no memory"
    walk.release(stream)
    for schema in schemas:
        assert walk.table(schema, array) == expected
        walk.release(schema)
    walk.release(array)


@pytest.mark.parametrize(
    ("schema", "array"),
    [
        (1, 1),
        ((b"l", b"x", None, 0, [], None), (0, 0, (), (), None)),
        ((b"l", b"a\0b", None, 0, (), None), (0, 0, (), (), None)),
        ((b"l", b"x", None, 0, ((),), None), (0, 0, (), (), None)),
        ((b"l", b"x", None, 0, (), None), (0, 0, (3,), (), None)),
        ((b"l", b"x", None, 0, (), None), (0, 0, (b"",) * 4, (), None)),
        ((b"l", b"x", None, 0, (), None), (1, 0, (None, b"12345678"), ((1,),), None)),
        ((b"l", b"x", None, 0, (), (b"u", b"", None, 0, (), 1)), (0, 0, (), (), None)),
        ((b"l", b"x", None, 0, (), None), (1, 0, (None, b"12345678"), (), (0, 0, (), (), 1))),
    ],
)
def test_what_is_no_description_is_refused(schema: Any, array: Any) -> None:
    for make in (_arrow.array, _arrow.stream):
        with pytest.raises((TypeError, ValueError)):
            make(schema, array)


def test_descriptions_are_not_nested_without_end() -> None:
    deep: Any = (b"l", b"x", None, 0, (), None)
    for _ in range(100_000):
        deep = (b"+s", b"", None, 0, (deep,), None)
    with pytest.raises(TypeError, match="deep"):
        _arrow.schema(deep)
    while deep[4]:  # let go step by step: CPython's own way down is deep, too
        deep = deep[4][0]


AFTER = """
import ctypes, numpy
from tests.kit import arrow_walk as walk
from tests.unit.export.test_arrow import pair
from twocooks import _arrow
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
both = _arrow.array(*pair(numpy.zeros(1000, numpy.int64)))
inside = walk.inside(both[1], walk.Array)
at = libc.malloc(ctypes.c_size_t(ctypes.sizeof(inside)))
ctypes.memmove(at, ctypes.byref(inside), ctypes.sizeof(inside))
release = ctypes.cast(inside.release, ctypes.c_void_p)
inside.release = type(inside.release)()
libc.__cxa_atexit(release, ctypes.c_void_p(at), None)
print("to the end")
"""


def test_release_after_the_end_of_python_does_nothing_bad() -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", AFTER], capture_output=True, text=True, cwd=root,
                          check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "to the end\n", "")


def test_the_structs_are_as_large_as_arrow_says() -> None:
    sizes = [ctypes.sizeof(kind) for kind in (walk.Schema, walk.Array, walk.Stream)]
    assert sizes == [72, 80, 40]
