"""The same run counted by name, thread and process (lesson 1.4, cases 15 and 16)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse, tree
from twocooks.analyse.result import Steps, Task
from twocooks.model import LEVELS, State, Wait

WANTS = (State.WORKING, State.IN_LINE, State.WANTS_TOOL)


def verdict(result: Analysis) -> tuple[str, str | None]:
    told = result.summary["verdict"]
    return told["id"], told["cause"]


def sentences(result: Analysis) -> list[str]:
    return [level["sentence"] for level in result.levels]


def pool_process() -> Builder:
    """A process pool's worker, which has no task of its own, runs two pieces; main runs one."""
    b = scenes.program()
    b.fork(0.009, pid=20)
    b.hello(0.0095, flags=3, pid=20)
    worker = "/usr/lib/python3.11/concurrent/futures/process.py"
    text = "\x1f".join(["SpawnProcess-1", "_process_worker", worker, "1"])
    b.agent(0.0096, "PROCESS_NAME", text=text, pid=20)
    for n in range(2):
        b.item_new(0.01, n + 1, 2, "piece")
        b.item(0.02 + 0.1 * n, 0.11 + 0.1 * n, n + 1, 20, pid=20)
        b.on(1, 20, 0.02 + 0.1 * n, 0.11 + 0.1 * n, pid=20)
    b.on(0, 10, 0.02, 0.2, exits=True)
    return b


def sub_requests() -> Builder:
    """A dish whose request makes two sub-requests, which wait together."""
    b = scenes.loop(1, 0.5, "request")
    scenes.work(b, 0.02, 0.03, 1, Wait.GATHER)
    for n in (2, 3):
        b.task(0.025, n, f"Task-{n}", "fetch", "app.py", 3)
        b.ready(0.025, n)
    for n in (2, 3):
        scenes.work(b, 0.03 + n * 0.01, 0.039 + n * 0.01, n, Wait.IO)
    for n in (2, 3):
        b.ready(0.2 + n * 0.01, n)
        scenes.work(b, 0.2 + n * 0.01, 0.209 + n * 0.01, n, "done")
    b.ready(0.241, 1)
    scenes.work(b, 0.245, 0.255, 1, "done")
    return b


def loops_beside_threads() -> Builder:
    """Two processes; each has a loop with two tasks and a thread that computes without the GIL."""
    b = scenes.processes(2)
    for n in range(2):
        pid = 20 + n
        b.fork(0.0101, tid=30 + n, pid=pid, ptid=pid, ppid=pid)
        b.thread(0.0102, 30 + n, f"sieve-{n}", "sieve", "app.py", 5, pid=pid)
        b.loop(0.012, 0.34, pid=pid)
        for k in range(2):
            b.task(0.0125, k + 1, f"t{k}", "job", pid=pid)
            b.ready(0.0125, k + 1, pid=pid)
        for i in range(30):
            t = 0.013 + i * 0.01
            b.step(t, t + 0.0049, i % 2 + 1, "done" if i >= 28 else "yield", pid=pid)
            b.on(n, pid, t, t + 0.0049, pid=pid, exits=i == 29)
            b.on(n, 30 + n, t + 0.005, t + 0.0099, pid=pid, exits=i == 29)
    return b


EXTRA = [pool_process, sub_requests, loops_beside_threads]
ALL = [*scenes.SCENES, *EXTRA]


def key(task: Task, by: str, tid: int, pid: int) -> object:
    """The node of a task, worked out again: where it worked, else where it lives."""
    if by == "name":
        return task.group if task.name.startswith("Task-") else task.name
    return tid if by == "thread" else pid


def holds(task: Task, time: float) -> State | None:
    """What the task's story says of an instant."""
    s = task.segments
    at = np.flatnonzero((s.start <= time) & (time < s.end))
    return State(int(s.state[at[0]])) if len(at) else None


def slow_counts(leaves: Analysis, by: str, time: float, pids: dict[int, int]) -> tuple[int, ...]:
    """C, P, D at one instant, from the leaves' stories and the cores' slices. A node that has begun
    and wants hands is on the go, as a task is."""
    counts = {task.id: task for task in leaves.tasks if task.significant}
    go, work, want = set(), set(), set()
    begun_s: dict[object, float] = {}
    for core in leaves.cores:
        for row in np.flatnonzero((core.start <= time) & (time < core.end)):
            task = counts.get(int(core.task[row]))
            if task is not None:
                assert core.tid is not None
                tid = int(core.tid[row])
                work.add(key(task, by, tid, pids[tid]))
    for task in counts.values():
        state = holds(task, time)
        node = key(task, by, task.tid, task.pid)
        if state in (State.IN_LINE, State.WANTS_TOOL):
            want.add(node)
        begun_s[node] = min(task.begun_s, begun_s.get(node, task.begun_s))
        begun = task.begun_s <= time < task.done_s
        if begun and state not in (None, State.WORKING, State.DELEGATED):
            go.add(node)
    go |= {node for node in want if begun_s[node] <= time}
    go |= {node for node in work if begun_s.get(node, time) <= time}
    return len(go), len(work), len(want | work)


def value(steps: Steps, time: float) -> int:
    return int(steps.value[np.searchsorted(steps.time, time, "right") - 1])


@pytest.mark.parametrize("by", LEVELS[1:])
@pytest.mark.parametrize("scene", ALL, ids=lambda scene: scene.__name__)
def test_a_level_counts_what_a_slow_count_of_its_leaves_counts(
    scene: scenes.Scene, by: str
) -> None:
    trace = scene().trace()
    pids = dict(zip(trace.kernel.tid.tolist(), trace.kernel.pid.tolist(), strict=True))
    leaves, nodes = analyse(trace), analyse(trace, by)
    breaks = np.unique(np.concatenate([nodes.on_the_go.time, nodes.at_work.time]))
    long = np.flatnonzero(np.diff(breaks) > 2e-6)
    times = (breaks[long] + breaks[long + 1]) / 2
    for time in times[:: max(1, len(times) // 60)].tolist():
        curves = (nodes.on_the_go, nodes.at_work, nodes.wanted)
        assert tuple(value(c, time) for c in curves) == slow_counts(leaves, by, time, pids), time
    assert not [check for check in nodes.identities if not check[1] and "I1" not in check[0]]
    assert nodes.summary["by"] == by
    assert nodes.summary["cpu_s"] == leaves.summary["cpu_s"]
    assert nodes.summary["cores_used"] == leaves.summary["cores_used"]


def test_tasks_are_the_default() -> None:
    trace = scenes.two_loops().trace()
    assert analyse(trace).summary == analyse(trace, "task").summary
    assert analyse(trace).summary["by"] == "task"


def test_there_is_no_other_level() -> None:
    with pytest.raises(ValueError, match="no level 'core'"):
        analyse(scenes.single().trace(), "core")


def test_a_server_of_loops_is_told_level_by_level() -> None:
    trace = scenes.two_loops().trace()
    leaves = analyse(trace)
    assert verdict(leaves) == ("both", None)
    assert verdict(analyse(trace, "process")) == ("parallel", None)
    assert verdict(analyse(trace, "thread")) == ("parallel", None)
    assert sentences(leaves) == [
        "2 processes: really at the same moment.",
        "Inside each process, up to 2 tasks: they take turns.",
    ]
    assert leaves.levels[1]["verdict"] == "turns"


def test_one_process_with_tasks_beside_one_without_is_one_of_them() -> None:
    b = scenes.async_turns()
    b.fork(0.005, pid=30)
    b.on(1, 30, 0.006, 0.3, pid=30, exits=True)
    assert sentences(analyse(b.trace()))[1] == "Inside one of them, 3 tasks: they take turns."


def test_processes_with_threads_with_tasks_have_three_levels() -> None:
    leaves = analyse(loops_beside_threads().trace())
    assert leaves.summary["tasks"]["by_kind"] == {"thread": 2, "asyncio": 4}
    said = sentences(leaves)
    assert said[0] == "2 processes: really at the same moment."
    assert said[1].startswith("4 threads: ")
    assert said[2].startswith("Inside each process, up to 3 tasks: ")
    assert {t.name for t in analyse(loops_beside_threads().trace(), "thread").tasks} == {
        "P0", "P1", "sieve-0", "sieve-1",
    }


@pytest.mark.parametrize(
    "scene", [scenes.gil_threads, scenes.two_processes, scenes.async_turns, lambda: scenes.pool(2)]
)
def test_where_tasks_are_all_there_is_no_level_is_told(scene: scenes.Scene) -> None:
    assert analyse(scene().trace()).levels == []


def test_a_tree_that_would_take_too_long_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tree, "MOST_STRETCHES", 10)
    (level,) = analyse(scenes.two_loops().trace()).levels
    assert (level["by"], level["count"]) == ("process", 2)
    assert "--by process" in level["sentence"]
    assert analyse(scenes.gil_threads().trace()).levels == []


def test_a_dish_is_one_by_name_and_two_by_its_sub_requests() -> None:
    trace = sub_requests().trace()
    assert analyse(trace).summary["concurrency"]["max"] == 2
    by_name = analyse(trace, "name")
    assert by_name.summary["concurrency"]["max"] == 1
    assert {task.name for task in by_name.tasks} == {"t0", "fetch"}


def test_native_threads_are_hands_of_their_task_and_threads_of_their_own() -> None:
    trace = scenes.hands_while_waiting().trace()
    assert verdict(analyse(trace)) == ("many-hands", None)
    assert verdict(analyse(trace, "thread")) == ("parallel", None)
    assert verdict(analyse(trace, "process")) == ("many-hands", None)
    told = analyse(trace, "process").summary["verdict"]
    assert told["headline"] == "One process, many hands."


def test_an_idle_worker_is_no_node_and_a_busy_one_has_its_name() -> None:
    by_process = analyse(pool_process().trace(), "process")
    assert {task.name for task in by_process.tasks} == {"main", "SpawnProcess-1"}
    worker = next(task for task in by_process.tasks if task.name == "SpawnProcess-1")
    assert worker.work_s == pytest.approx(0.18, abs=0.001)
    assert worker.wait_s == 0.0  # between two pieces it has nothing in hand
    assert by_process.summary["concurrency"]["mean"] < 2


def test_a_process_waits_only_when_nothing_in_it_can_be_done() -> None:
    """One of its tasks sleeps while the other is in line: the process is in line."""
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.02, 0.04, 1, Wait.SLEEP)
    scenes.work(b, 0.04, 0.06, 2, Wait.SLEEP)
    b.ready(0.1, 2)  # nobody takes it for 50 ms: the loop is pushed off its core
    scenes.work(b, 0.15, 0.17, 2, "done")
    b.ready(0.3, 1)
    scenes.work(b, 0.3, 0.32, 1, "done")
    (process,) = analyse(b.trace(), "process").tasks
    assert process.line_s == pytest.approx(0.01 + 0.05, abs=0.001)
    assert process.wait_s == pytest.approx(0.04 + 0.13, abs=0.001)


def test_unknown_stays_unknown_at_every_level() -> None:
    for by in LEVELS:
        b = scenes.two_processes()
        b.lost(0, 0.05, 0.2, 10)
        result = analyse(b.trace(), by)
        assert result.summary["measured"]["unknown_s"] > 0.1
        assert result.summary["parallelism"]["two_or_more_s"] < 0.2


def test_a_run_without_tasks_has_levels_without_nodes() -> None:
    b = scenes.program()
    b.on(0, 10, 0.0, 0.0005, exits=True)
    for by in LEVELS:
        assert analyse(b.trace(), by).summary["verdict"]["id"] == "nothing"
