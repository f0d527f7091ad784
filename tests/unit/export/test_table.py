"""The columns of a run: the account's own numbers, without copies where there are none to make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.kit import arrow_walk as walk
from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from tests.unit.export.test_arrow import TABLES, plain, run_of
from twocooks.analyse.build import build_timeline
from twocooks.analyse.data_fields import FIELDS, MEANINGS
from twocooks.api import Run
from twocooks.model import Reason, State

every_scene = pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)


@every_scene
def test_tables_are_the_accounts_own(scene: scenes.Scene) -> None:
    run = run_of(scene)
    tasks, intervals, waits = run.tasks, run.intervals, run.waits
    assert tasks["id"].tolist() == [task.id for task in run.analysis.tasks]
    assert tasks["name"].tolist() == [task.name for task in run.analysis.tasks]
    assert [p if ok else None for p, ok in zip(tasks["parent"], tasks.valid("parent"), strict=True)
            ] == [task.parent for task in run.analysis.tasks]  # fmt: skip
    length = intervals["end_ns"] - intervals["start_ns"]
    for column, states in {
        "work_ns": ["working"],
        "in_line_ns": ["in_line", "wants_tool"],
        "wait_ns": ["waiting"],
        "delegated_ns": ["delegated"],
        "unknown_ns": ["unknown"],
    }.items():
        mine = np.isin(intervals["state"].astype(str), states)
        sums = np.bincount(intervals["task"][mine], length[mine], len(tasks))
        assert sums.tolist() == tasks[column].tolist(), column
    counted = ~tasks["background"][waits["task"]]
    told = waits["end_ns"] - waits["start_ns"]
    for reason in Reason:
        mine = counted & (waits["reason"] == str(reason))
        expected = sum(row.seconds for row in run.analysis.waits if row.reason is reason)
        assert told[mine].sum() / 1e9 == pytest.approx(expected, abs=1e-9)


@every_scene
def test_waits_have_the_lines_locks_and_holders_of_the_report(scene: scenes.Scene) -> None:
    run = run_of(scene)
    waits, background = run.waits, run.tasks["background"]
    counted = ~background[waits["task"]]
    sums: dict[tuple[str, str, str], float] = {}
    held: dict[str, float] = {}
    for i in np.flatnonzero(counted).tolist():
        length = int(waits["end_ns"][i] - waits["start_ns"][i])
        lock = f"{waits['lock'][i]:#x}" if waits["lock"][i] != -1 else ""
        key = waits["reason"][i], waits["where"][i] or "", lock
        sums[key] = sums.get(key, 0) + length / 1e9
        reason = waits["reason"][i]
        held[reason] = held.get(reason, 0) + max(0, int(waits["held_ns"][i])) / 1e9
        assert waits["holder_ns"][i] <= waits["held_ns"][i] <= length
        assert (waits["holder_tid"][i] == -1) == (waits["holder_ns"][i] == -1)
    expected: dict[tuple[str, str, str], float] = {}
    for row in run.analysis.waits:
        key = str(row.reason), row.where, row.lock
        expected[key] = expected.get(key, 0) + row.seconds
    assert sums == pytest.approx(expected, abs=1e-9)
    for reason in ("lock", "gil"):
        told = [h for row in run.analysis.waits if row.reason == reason for h in row.holders]
        assert held.get(reason, 0) == pytest.approx(sum(h.seconds for h in told), abs=1e-9)


def test_the_holder_of_a_lock_is_named() -> None:
    b = scenes.program(2, end=0.5)
    b.on(0, 11, 0.02, 0.4, exits=True)
    b.on(1, 12, 0.02, 0.03)
    b.look(0.034, 0.0341, 12, scenes.FUTEX, arg=77, kind=scenes.SEM, where=("app.py:4:work",))
    b.holder(0.034, 0.0341, 11, 12, lock=77)
    b.on(1, 12, 0.4, 0.45, exits=True)
    waits = Run(b.trace(), Path("x")).waits
    (row,) = np.flatnonzero(waits["reason"] == "lock").tolist()
    seen = {name: waits[name][row] for name in waits.columns}
    names = Run(b.trace(), Path("x")).tasks["name"]
    assert (names[seen["task"]], names[seen["holder"]], seen["holder_tid"]) == ("T1", "T0", 11)
    assert (seen["where"], seen["lock"], seen["lock_pid"]) == ("app.py:4 work", 77, 10)
    assert seen["holder_ns"] == seen["held_ns"] == seen["end_ns"] - seen["start_ns"]


def test_numbers_are_not_copied() -> None:
    b = scenes.two_processes()
    trace = b.trace()
    run = Run(trace, Path("x"))
    for name, own in {"time_ns": trace.kernel.time, "core": trace.kernel.cpu}.items():
        assert np.shares_memory(run.switches[name], own)
    assert np.shares_memory(run.switches.codes("event"), trace.kernel.event)
    table = run.analysis.data._line.table
    for name, own in {"start_ns": table.start, "end_ns": table.end}.items():
        assert np.shares_memory(run.intervals[name], own)
    assert np.shares_memory(run.intervals.codes("state"), table.state)
    both = run.intervals.__arrow_c_array__()
    array = walk.inside(both[1], walk.Array)
    address = array.children[1].contents.buffers[1]
    assert address == run.intervals["start_ns"].__array_interface__["data"][0]


def test_nobody_can_write_into_them() -> None:
    run = run_of(scenes.lock_fine)
    for name in TABLES:
        table = getattr(run, name)
        for column in table.columns:
            with pytest.raises(ValueError, match="read-only"):
                table[column][:] = table[column]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_tells_what_it_has(name: str) -> None:
    table = getattr(run_of(scenes.lock_fine), name)
    assert table.schema() == FIELDS[name]
    assert table.columns == table.keys() == tuple(field.name for field in FIELDS[name])
    assert table.meaning == MEANINGS[name]
    assert set(dict(table)) == set(table.columns)
    assert all(len(column) == len(table) for column in dict(table).values())
    assert repr(table).startswith(f"<twocooks {name}: {len(table)} rows")
    assert table.columns[0] in table
    assert "nothing" not in table
    with pytest.raises(KeyError, match="no column 'nothing', but"):
        table["nothing"]
    with pytest.raises(KeyError, match="no text column"):
        table.codes(next(f.name for f in FIELDS[name] if f.type != "text"))
    with pytest.raises(TypeError):
        iter(table)


def test_what_has_no_value_is_null() -> None:
    b = scenes.two_processes()
    b.kernel(0, 0.05, "LOST", 3, 10_000_000)
    b.fork(0.02, tid=12)
    b.thread(0.021, 12, "endless", "work", "app.py", 3)
    b.on(1, 12, 0.35, 0.36)  # never seen to end
    run = Run(b.trace(), Path("x"))
    ended = dict(zip(run.tasks["name"], run.tasks.valid("ended_ns"), strict=True))
    assert not ended["endless"]
    assert ended["P1"]
    assert run.tasks["ended_ns"][run.tasks["name"] == "endless"].tolist() == [-1]
    lost = run.switches["event"] == "lost"
    assert run.switches["since_ns"][lost].tolist() == [b.ns(0.04)]
    assert run.switches.valid("since_ns").tolist() == lost.tolist()
    assert not run.switches.valid("tid")[lost].any()
    core, state = run.intervals.valid("core"), run.intervals["state"]
    assert not core[state != "working"].any()
    assert core[state == "working"].all()


HOSTILE = ["", "a\0b", "\udc80\udcff", "\\udc80\\udcff", "\x1b[31m", "\u202e", "🍚" * 250_000]


def test_hostile_names_are_valid_texts() -> None:
    b = scenes.program(len(HOSTILE))
    for n in range(len(HOSTILE)):
        b.on(n % 2, 11 + n, 0.02 + 0.02 * n, 0.03 + 0.02 * n, exits=True)
    trace = b.trace()
    places = {trace.texts.index(f"T{n}\x1fwork\x1fapp.py\x1f3"): n for n in range(len(HOSTILE))}
    texts = [
        "\x1f".join([HOSTILE[places[i]], "work", HOSTILE[places[i]], "3"]) if i in places else text
        for i, text in enumerate(trace.texts)
    ]
    run = Run(replace(trace, texts=texts), Path("x"))
    names = run.tasks["name"].tolist()
    clean = [name.encode("utf-8", "backslashreplace").decode() for name in HOSTILE]
    assert sorted(set(clean)) == sorted(set(names) - {"main"})
    assert names.count("\\udc80\\udcff") == 2
    assert len(set(run.tasks.texts("name"))) == len(run.tasks.texts("name"))
    both = run.tasks.__arrow_c_array__()
    schema, array = walk.inside(both[0], walk.Schema), walk.inside(both[1], walk.Array)
    assert walk.table(schema, array)["name"] == names


def test_polling_says_nothing_of_cores() -> None:
    b = scenes.two_processes()
    b.meta["source"] = "schedstat"
    run = Run(b.trace(), Path("x"))
    assert (len(run.slices), run.intervals.valid("core").any()) == (0, False)


def test_an_empty_trace_has_empty_tables() -> None:
    run = Run(Builder().trace(), Path("x"))
    for name in TABLES:
        table = getattr(run, name)
        assert len(table) == 0
        both = table.__arrow_c_array__()
        schema, array = walk.inside(both[0], walk.Schema), walk.inside(both[1], walk.Array)
        assert walk.table(schema, array) == plain(table) == {name: [] for name in table.columns}


def test_steps_and_slices_are_the_loops_and_the_cores() -> None:
    b = scenes.program(0)
    b.agent(0.01, "LOOP", 1)
    for n in range(4):
        b.step(0.02 + 0.01 * n, 0.025 + 0.01 * n, task=1 + n % 2)
    b.on(0, 10, 0.012, 0.06, exits=True)
    run = Run(b.trace(), Path("x"))
    steps, names = run.steps, run.tasks["name"]
    assert names[steps["task"]].tolist() == ["task 1", "task 2", "task 1", "task 2"]
    assert (steps["end_ns"] - steps["start_ns"]).tolist() == [5_000_000] * 4
    assert steps["start_ns"][0] == b.ns(0.02)
    slices, line = run.slices, build_timeline(b.trace())
    total = line.slices.length[line.slices.state == State.WORKING].sum()
    assert (slices["end_ns"] - slices["start_ns"]).sum() == total
    assert set(slices["tid"].tolist()) == {10}
    assert run.start_ns == b.start_ns
    assert run.end_ns >= b.ns(0.06)


def test_the_tables_of_a_window_are_the_windows() -> None:
    b = scenes.two_processes()
    whole = Run(b.trace(), Path("x"))
    begin, end = b.ns(0.1), b.ns(0.2)
    run = replace(whole, window=(begin, end))
    assert (run.start_ns, run.end_ns) == (begin, end)
    for table in (run.intervals, run.slices):
        assert len(table)
        assert (begin <= table["start_ns"]).all()
        assert (table["end_ns"] <= end).all()
    assert whole.tasks.valid("ended_ns").tolist() == [False, True, True]  # main never ends
    assert run.tasks["work_ns"].max() == end - begin
    assert not run.tasks.valid("ended_ns").any()
    times = run.switches["time_ns"]
    assert ((begin < times) & (times <= end)).all()
