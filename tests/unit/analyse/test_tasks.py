"""Who is a task, whose work is whose, and what a parent's wait is (lesson 1.4)."""

from __future__ import annotations

import json

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse
from twocooks.analyse.result import Task
from twocooks.model import State, Wait


def named(result: Analysis) -> dict[str, Task]:
    return {task.name: task for task in result.tasks}


def time_in(task: Task, state: State) -> float:
    at = task.segments.state == state
    return float((task.segments.end - task.segments.start)[at].sum())


def test_parents_that_only_wait_do_not_count() -> None:
    result = analyse(scenes.gather_parents().trace())
    assert result.summary["concurrency"]["max"] == 1
    assert [time_in(task, State.WAITING) for task in result.tasks] == [0.0] * len(result.tasks)
    asyncio = [task for task in result.tasks if task.kind == "asyncio"]
    assert [task.parent for task in asyncio[1:]] == [task.id for task in asyncio[:-1]]


def test_queued_items_are_not_on_the_go() -> None:
    result = analyse(scenes.pool(2, items=8).trace())
    assert result.summary["concurrency"]["max"] == 2
    assert result.summary["queued"]["max"] == 8
    assert result.summary["tasks"]["by_kind"]["item"] == 8
    assert sum(t.queued_s for t in result.tasks) == pytest.approx(1.2, abs=0.1)


def test_pool_workers_are_no_tasks() -> None:
    result = analyse(scenes.pool(2).trace())
    assert not [t for t in result.tasks if t.name.startswith("W")]


def test_a_block_takes_its_task_s_work_and_is_its_child() -> None:
    b = scenes.single()
    b.block(0.05, 0.15, 1, "rice")
    tasks = named(analyse(b.trace()))
    assert tasks["rice"].work_s == pytest.approx(0.1)
    assert tasks["main"].work_s == pytest.approx(0.1)
    assert tasks["rice"].parent == tasks["main"].id


def test_nested_blocks_give_the_work_to_the_innermost() -> None:
    b = scenes.single()
    b.block(0.02, 0.18, 1, "dinner")
    b.block(0.05, 0.15, 2, "rice")
    tasks = named(analyse(b.trace()))
    assert tasks["dinner"].work_s == pytest.approx(0.06)
    assert tasks["rice"].work_s == pytest.approx(0.1)
    assert tasks["rice"].parent == tasks["dinner"].id


def test_a_block_in_a_coroutine_follows_its_task_over_its_steps() -> None:
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.02, 0.05, 1)
    scenes.work(b, 0.05, 0.10, 2)
    scenes.work(b, 0.10, 0.15, 1, "done")
    scenes.work(b, 0.15, 0.20, 2, "done")
    b.block(0.03, 0.12, 1, "rice")
    tasks = named(analyse(b.trace()))
    assert tasks["rice"].work_s == pytest.approx(0.04, abs=1e-4)
    assert tasks["t0"].work_s == pytest.approx(0.04, abs=1e-4)
    assert tasks["t1"].work_s == pytest.approx(0.10, abs=1e-4)


def test_a_preempted_step_is_in_line_not_working() -> None:
    b = scenes.loop(1, 0.5)
    b.on(0, 10, 0.02, 0.05, preempted=True)
    b.on(0, 10, 0.10, 0.15)
    b.step(0.02, 0.15, 1, "done")
    task = named(analyse(b.trace()))["t0"]
    assert task.work_s == pytest.approx(0.08, abs=1e-4)
    assert time_in(task, State.IN_LINE) >= 0.0499


def test_an_eager_task_works_inside_its_maker_s_step() -> None:
    b = scenes.loop(1, 0.5)
    b.on(0, 10, 0.02, 0.2)
    b.agent(0.02, "STEP", 1)
    b.agent(0.05, "TASK_NEW", 2)
    b.agent(0.05, "STEP", 2)
    b.agent(0.10, "STEP_DONE")
    b.agent(0.2, "STEP_DONE")
    tasks = analyse(b.trace()).tasks
    eager = next(t for t in tasks if t.kind == "asyncio" and t.name != "t0")
    outer = named(analyse(b.trace()))["t0"]
    assert eager.work_s == pytest.approx(0.05)
    assert eager.parent == outer.id
    assert outer.work_s == pytest.approx(0.13)
    assert analyse(b.trace()).summary["concurrency"]["max"] == 1


def test_a_wait_ended_by_a_colleague_is_a_result_else_io() -> None:
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.02, 0.03, 1, Wait.UNKNOWN)
    scenes.work(b, 0.03, 0.06, 2, Wait.UNKNOWN)
    b.ready(0.05, 1)
    scenes.work(b, 0.06, 0.07, 1, "done")
    b.ready(0.2, 2)
    scenes.work(b, 0.21, 0.22, 2, "done")
    waits = analyse(b.trace()).summary["time"]["waiting"]
    assert waits["result"] == pytest.approx(0.02, abs=1e-4)
    assert waits["io"] == pytest.approx(0.14, abs=1e-4)


def test_a_library_s_helper_thread_is_background_and_a_user_s_sleeper_is_not() -> None:
    b = scenes.program(1, end=0.3)
    b.on(1, 11, 0.011, 0.0112)
    b.on(0, 10, 0.1, 0.2)
    b.fork(0.0095, tid=12)
    b.thread(0.0096, 12, "feeder", "_feed", "/usr/lib/python3.11/multiprocessing/queues.py", 1)
    b.on(1, 12, 0.0115, 0.0117)
    for tid in (11, 12):
        b.look(0.02, 0.0201, tid, scenes.SLEEP)
    tasks = named(analyse(b.trace()))
    assert tasks["feeder"].background
    assert not tasks["T0"].background


def test_start_and_imports_set_the_table() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.5, exits=True)
    b.hello(0.1)
    b.imports(0.1, 0.3, "numpy")
    result = analyse(b.trace())
    assert result.tasks[0].work_s == pytest.approx(0.2)
    assert result.window_s[0] == pytest.approx(0.3)
    assert result.summary["cpu_s"] == pytest.approx(0.5)
    assert set(result.cores[0].task.tolist()) == {-1, 0}


def test_a_polled_run_claims_only_what_its_sums_prove() -> None:
    side_by_side = analyse(scenes.polled(0.95).trace()).summary
    assert side_by_side["verdict"]["id"] == "parallel"
    assert side_by_side["verdict"]["sentence"].startswith("Estimated")
    assert side_by_side["measured"]["exact"] is False
    assert 0.85 <= side_by_side["parallelism"]["two_or_more_s"] <= 0.91
    in_turns = analyse(scenes.polled(0.5).trace()).summary
    assert in_turns["verdict"]["id"] == "cannot-tell"
    assert in_turns["parallelism"]["two_or_more_s"] == 0.0


def polled_steps(share: float) -> Builder:
    """Two tasks of one loop, four steps of 0.1 s by turns; of each 40 ms the thread was on a core
    for this share."""
    b = Builder(meta={"source": "schedstat", "source_why": "asked for"})
    b.poll_new(0.0, 10, "python")
    b.hello(0.0)
    for task in (1, 2):
        b.task(0.0, task, f"Task-{task}")
        b.ready(0.0, task)
    for step in range(4):
        b.step(step * 0.1, step * 0.1 + 0.0999, step % 2 + 1, "yield" if step < 2 else "done")
    for look in range(1, 11):
        b.poll(look * 0.04, 10, run=0.04 * share, line=0.0)
        b.poll_cpu(look * 0.04, 0.04 * look * share)
        b.poll_tick(look * 0.04)
    b.end = {"end_ns": b.ns(0.4), "task_clock_ns": 0,
             "rusage": {"user_s": 0.4 * share, "system_s": 0.0}}  # fmt: skip
    return b


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_polled_steps_that_waited_are_no_work(share: float) -> None:
    result = analyse(polled_steps(share).trace())
    worked = [time_in(task, State.WORKING) for task in result.tasks]
    assert sum(worked) == pytest.approx(0.4 * share, abs=0.001)
    assert sum(worked) == pytest.approx(result.summary["time"]["on_core_s"])
    assert len(worked) == 2
    assert min(worked) > 0, "each began"
    assert sum(time_in(task, State.WAITING) for task in result.tasks) == pytest.approx(
        0.4 * (1 - share), abs=0.001
    )
    assert result.summary["concurrency"]["max"] == 2


def test_polled_steps_that_may_have_computed_are_work_from_begin_to_end() -> None:
    result = analyse(polled_steps(0.96).trace())  # less than a tick is missing
    worked = [time_in(task, State.WORKING) for task in result.tasks]
    assert worked == pytest.approx([0.2, 0.2], abs=0.001)


@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_the_summary_is_json_and_the_words_keep_the_rules(scene: scenes.Scene) -> None:
    summary = analyse(scene().trace()).summary
    assert json.loads(json.dumps(summary)) == summary
    told = summary["verdict"]
    assert len(told["headline"].split()) <= 8
    assert "this run" in told["sentence"]
    numbers = [
        word
        for word in told["sentence"].replace(",", " ").split()
        if any(c.isdigit() for c in word)
    ]
    assert len(numbers) <= 2
    for word in ("simultaneously", "at the same time", "multitasking", "asynchronously"):
        assert word not in " ".join(v for v in told.values() if v)


@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_a_task_s_story_has_no_overlap(scene: scenes.Scene) -> None:
    for task in analyse(scene().trace()).tasks:
        s = task.segments
        assert (s.end > s.start).all()
        assert (s.start[1:] >= s.end[:-1] - 1e-9).all()


def test_clearing_up_after_the_program_is_no_work_of_it() -> None:
    b = Builder()
    b.exec(0.0, "python")
    b.hello(0.01)
    b.on(0, 10, 0.0, 0.5, exits=True)
    whole = analyse(b.trace()).tasks[0].work_s
    b.agent(0.3, "MAIN_END")
    assert whole == pytest.approx(0.49, abs=1e-3)
    assert analyse(b.trace()).tasks[0].work_s == pytest.approx(0.29, abs=1e-3)


def test_an_end_that_is_followed_by_more_was_none() -> None:
    b = Builder()
    b.exec(0.0, "python")
    b.hello(0.01)
    b.on(0, 10, 0.0, 0.5, exits=True)
    b.agent(0.3, "MAIN_END")  # the program ran its exit functions itself, and went on
    b.imports(0.4, 0.45, "late")
    assert analyse(b.trace()).tasks[0].work_s > 0.4


def share_a_core_then_part(crowd: bool) -> Analysis:
    """Two processes share core 0 in slices of 2 ms for 20 ms, then run side by side. ``crowd``: a
    third one has core 1 meanwhile."""
    b = Builder()
    b.exec(0.0, "make")
    for pid in (20, 30, 40)[: 3 if crowd else 2]:
        b.fork(0.001, pid=pid)
    b.on(0, 10, 0.0, 0.01)
    t = 0.02
    for n in range(10):
        b.on(0, (20, 30)[n % 2], t, t + 0.002, pid=(20, 30)[n % 2], preempted=True)
        t += 0.002
    if crowd:
        b.on(1, 40, 0.02, 0.039, pid=40, exits=True)
    b.on(0, 20, 0.04, 0.5, pid=20, exits=True)
    b.on(1, 30, 0.04, 0.5, pid=30, exits=True)
    b.on(0, 10, 0.51, 0.52, exits=True)
    return analyse(b.trace())


def test_two_who_share_a_core_beside_a_free_one_do_not_make_it_both() -> None:
    assert share_a_core_then_part(crowd=False).summary["verdict"]["id"] == "parallel"
    assert share_a_core_then_part(crowd=True).summary["verdict"]["id"] == "both"


def test_such_turns_are_counted_all_the_same() -> None:
    assert share_a_core_then_part(crowd=False).summary["switches"]["turns"] >= 8


def left_behind(**kinds: bool) -> Builder:
    """A program that ends while a child of it sleeps on: a daemon, or a helper of the library."""
    b = scenes.single()
    b.fork(0.02, pid=30)
    b.hello(0.03, flags=1, script="-c", pid=30)
    if kinds.get("helper"):
        b.agent(0.031, "IMPORT", text="multiprocessing.resource_tracker", pid=30)
        b.agent(0.032, "IMPORT_END", pid=30)
    b.on(1, 30, 0.03, 0.035, pid=30)
    if kinds.get("ends"):
        b.on(1, 30, 0.1, 0.101, pid=30, exits=True)
    if kinds.get("lost"):
        b.lost(1, 0.1, 0.11, 3)
    return b


def test_code_of_the_command_line_is_named_by_its_python() -> None:
    b = left_behind(ends=True)
    b.on(1, 30, 0.2, 0.3, pid=30)
    assert "python -c" in named(analyse(b.trace()))


def still(b: Builder) -> list[str]:
    notes = analyse(b.trace()).summary["measured"]["notes"]
    return [note for note in notes if "still running" in note or "not been seen to end" in note]


def test_a_process_that_outlives_the_program_is_said() -> None:
    assert [note.partition(" when")[0] for note in still(left_behind())] == [
        "1 process was still running"
    ]
    assert not still(left_behind(ends=True))


def test_what_may_have_ended_unseen_is_not_said_to_run() -> None:
    assert not still(left_behind(lost=True))
    b = left_behind()
    b.end = None
    assert not still(b)


def test_a_helper_of_the_library_is_known_by_what_it_imports_first() -> None:
    result = analyse(left_behind(helper=True).trace())
    tracker = named(result)["multiprocessing.resource_tracker"]
    assert tracker.background
    assert not still(left_behind(helper=True))


def launched(agent_before: bool) -> Builder:
    """A program that a launcher starts, which first asked a small program something."""
    b = Builder()
    b.fork(0.002, pid=20)
    b.on(0, 20, 0.003, 0.006, pid=20, exits=True)
    if agent_before:
        b.hello(0.004, script="asks.py", pid=20)
    b.hello(0.02, script="main.py")
    b.on(0, 10, 0.02, 0.5, exits=True)
    return b


def launcher_counts(agent_before: bool) -> bool:
    tasks = analyse(launched(agent_before).trace()).tasks
    (other,) = [t for t in tasks if t.kind == "process" and t.name != "main"]
    return not other.background


def test_what_a_launcher_started_before_python_began_is_no_task() -> None:
    assert not launcher_counts(agent_before=False)


def test_python_started_before_the_program_is_a_task() -> None:
    assert launcher_counts(agent_before=True)
