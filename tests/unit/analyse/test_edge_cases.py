"""The edge cases of lesson 1.4, in its order: one test for each row, named by its number.

Where a row has more to it than one scene shows, the rest is tested here:

====  =========================================================================
 3    test_servers (asking for the tool first), test_scenes (lock_coarse, lock_fine, async_lock)
 4    test_scenes (gil_threads, gil_threads_blinking), the gil_* programs
 6    test_scenes (many_hands, hands_while_waiting, sort_like), test_levels, the matmul program
10    test_tasks (a feeder, the resource tracker), test_servers (a manager), the helpers program
13    test_servers (callbacks)
14    test_tasks, test_servers (threads of a coroutine), the gather_parents program
15    test_levels
16    test_levels
18    test_tasks (start and imports, clearing up), the amdahl program
19    the child_programs and sort_subprocess programs
20    test_servers (a quota), test_free_cores, test_verdict
25    test_tasks (what sums prove), the *_polled programs
====  =========================================================================
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse
from twocooks.analyse.result import Task
from twocooks.model import State, Wait
from twocooks.report.terminal.lanes import MAX_LANES, fold, shown

LIMITS = Path(__file__).parents[3] / "docs" / "limits.md"


def told(b: Builder, by: str = "task") -> Analysis:
    return analyse(b.trace(), by)


def verdict(result: Analysis) -> tuple[str, str | None]:
    found = result.summary["verdict"]
    return found["id"], found["cause"]


def notes(result: Analysis) -> str:
    return " ".join(result.summary["measured"]["notes"])


def time_in(task: Task, state: State) -> float:
    at = task.segments.state == state
    return float((task.segments.end - task.segments.start)[at].sum())


def peak(result: Analysis, name: str) -> int:
    return int(result.summary[name]["max"])


def test_01_who_waits_for_the_outside_is_on_the_go() -> None:
    result = told(scenes.sleepers())
    assert peak(result, "concurrency") == 50
    assert peak(result, "parallelism") == 1


def test_02_who_could_be_worked_on_is_on_the_go_and_wants_hands() -> None:
    result = told(scenes.four_on_two())
    assert (peak(result, "concurrency"), peak(result, "parallelism")) == (4, 2)
    assert result.summary["in_line_s"] == pytest.approx(0.3 * 2, rel=0.1)
    assert result.wanted.value.max() == 4


def test_03_who_waits_for_the_tool_before_the_first_cut_is_not_yet_on_the_go() -> None:
    whole, steps = told(scenes.lock_coarse()), told(scenes.lock_fine())
    assert (peak(whole, "concurrency"), verdict(whole)) == (1, ("one-after-another", "lock"))
    assert (peak(steps, "concurrency"), verdict(steps)) == (2, ("turns", "lock"))
    assert whole.wanted.value.max() == 3  # but all of them want it


def test_04_who_wants_the_gil_is_in_line() -> None:
    result = told(scenes.gil_threads())
    for task in (task for task in result.tasks if task.significant):
        assert time_in(task, State.IN_LINE) == pytest.approx(0.09, abs=0.02)
        assert time_in(task, State.WAITING) < 0.01
    assert result.summary["wanted"]["two_or_more_s"] > 0.15


def test_05_queued_and_not_begun_is_in_the_bag() -> None:
    result = told(scenes.pool(1, items=50))
    assert peak(result, "concurrency") == 1
    assert peak(result, "queued") == 50
    assert verdict(result) == ("one-after-another", "one-worker")


def shared_hands(in_calls: int) -> Builder:
    """Two Python threads; of them ``in_calls`` wait in native code for which two threads work."""
    b = scenes.program(2, end=0.5)
    for n in range(2):
        b.on(n, 11 + n, 0.012, 0.03)
        if n >= in_calls:
            b.look(0.035, 0.0351, 11 + n, scenes.SLEEP)
        b.fork(0.0205, tid=30 + n, ptid=11)
        b.on(n, 30 + n, 0.04, 0.4, exits=True)
        b.on(n, 11 + n, 0.41, 0.42, exits=True)
    return b


def test_06_native_threads_belong_to_the_task_that_is_in_a_call() -> None:
    result = told(shared_hands(1))
    caller = next(task for task in result.tasks if task.name == "T0")
    assert caller.work_s == pytest.approx(0.36 + 0.018 + 0.01, abs=0.005)
    assert "shared" not in {str(task.kind) for task in result.tasks}
    assert peak(result, "cores_used") == 2


def test_06_if_several_are_in_a_call_their_hands_are_shared() -> None:
    result = told(shared_hands(2))
    shared = next(task for task in result.tasks if task.kind == "shared")
    assert shared.work_s == pytest.approx(0.36, abs=0.005)
    assert all(task.work_s < 0.05 for task in result.tasks if task is not shared)


def test_07_pieces_of_one_job_are_tasks_and_said_to_be_pieces() -> None:
    result = told(scenes.pool(2, items=8))
    assert verdict(result) == ("parallel", None)
    assert "pieces of one job (data-parallel)" in result.summary["verdict"]["why"]
    assert "pieces" not in told(scenes.two_processes()).summary["verdict"]["why"]


def test_08_what_happens_inside_a_core_is_not_seen_and_that_is_said() -> None:
    assert peak(told(scenes.single()), "cores_used") == 1
    limits = LIMITS.read_text(encoding="utf-8")
    for word in ("SIMD", "instruction-level", "GPU"):
        assert word in limits


@pytest.mark.parametrize(
    ("siblings", "said"), [([[0, 1]], True), ([[0, 2], [1, 3]], False), ([], False)]
)
def test_09_two_hardware_threads_of_one_core_share_one_cutting_board(
    siblings: list[list[int]], said: bool
) -> None:
    b = scenes.two_processes()
    b.meta["smt_siblings"] = siblings
    result = told(b)
    assert verdict(result) == ("parallel", None)  # at the same moment it is
    assert ("one cutting board" in notes(result)) == said


def test_09_who_also_works_on_another_core_has_two_cutting_boards() -> None:
    b = scenes.two_processes()
    b.fork(0.02, pid=30)
    b.on(2, 30, 0.03, 0.2, pid=30, exits=True)
    b.meta["smt_siblings"] = [[0, 1], [2, 3]]
    assert "cutting board" not in notes(told(b))


def test_10_a_library_s_monitor_is_present_and_no_task() -> None:
    b = scenes.program(1, end=0.3)
    b.on(1, 11, 0.011, 0.29, exits=True)
    b.fork(0.0095, tid=12)
    b.thread(0.0096, 12, "TMonitor", "run", "/x/site-packages/tqdm/_monitor.py", 1, daemon=True)
    b.on(0, 12, 0.02, 0.0201)
    b.look(0.05, 0.0501, 12, scenes.SLEEP)
    result = told(b)
    assert verdict(result) == ("single", None)
    assert "1 helper" in notes(result)


def test_10_the_user_s_own_thread_is_a_task_even_if_it_only_sleeps() -> None:
    result = told(scenes.thread_sleepers())
    assert result.summary["tasks"]["by_kind"]["thread"] >= 20


def test_11_idle_workers_are_never_tasks() -> None:
    result = told(scenes.pool(2))
    assert {str(task.kind) for task in result.tasks if task.significant} == {"item"}
    assert peak(result, "concurrency") == 2


def fetching(rounds: int) -> Builder:
    """A thread that takes its pieces from a queue of its own."""
    b = scenes.program(1, end=0.02 + rounds * 0.02)
    frames = ("/usr/lib/python3.11/threading.py:327:wait", "/usr/lib/python3.11/queue.py:171:get",
              "app.py:4:work")
    for n in range(rounds):
        t = 0.011 + n * 0.02
        b.on(1, 11, t, t + 0.01, exits=n == rounds - 1)
        if n < rounds - 1:
            b.look(t + 0.013, t + 0.0131, 11, scenes.FUTEX, kind=scenes.SEM, where=frames)
    return b


def test_12_a_thread_with_its_own_queue_is_one_task_and_that_is_said() -> None:
    result = told(fetching(10))
    assert result.summary["tasks"]["count"] == 1
    assert "One thread fetches its work from a queue: it is one task" in notes(result)
    assert "thread-level" in notes(result)
    assert "queue" not in notes(told(fetching(3)))  # it only waited there twice


def test_13_a_loop_s_own_bookkeeping_is_no_task() -> None:
    result = told(scenes.async_turns())
    assert {task.name for task in result.tasks if task.significant} == {"t0", "t1", "t2"}


def test_14_who_only_awaits_its_children_does_not_count() -> None:
    assert peak(told(scenes.gather_parents()), "concurrency") == 1
    assert peak(told(scenes.program(1, end=0.3)), "concurrency") <= 1
    threads = told(scenes.gil_threads())  # main joins them
    assert peak(threads, "concurrency") == 2


def test_15_leaves_are_counted_and_each_level_told() -> None:
    result = told(scenes.two_loops())
    assert verdict(result) == ("both", None)
    assert len(result.levels) == 2


def test_16_the_level_that_was_counted_is_told() -> None:
    for by in ("task", "name", "thread", "process"):
        assert told(scenes.two_loops(), by).summary["by"] == by


def test_17_a_blocking_call_in_a_coroutine_holds_the_cook() -> None:
    result = told(scenes.loop_held())
    assert verdict(result) == ("one-after-another", "loop-held")
    first, last = (next(t for t in result.tasks if t.name == name) for name in ("t0", "t3"))
    assert first.work_s < 0.002  # it sleeps: nobody works
    assert time_in(last, State.IN_LINE) == pytest.approx(0.15, abs=0.01)
    assert "kept the only cook" in result.summary["verdict"]["why"]


def test_18_the_main_program_counts_where_it_works_itself() -> None:
    busy, idle = told(scenes.amdahl()), told(scenes.two_processes())
    assert "main" in {task.name for task in busy.tasks if task.significant}
    assert "main" not in {task.name for task in idle.tasks if task.significant}


def test_19_child_programs_are_tasks_and_what_is_outside_is_waited_for() -> None:
    result = told(scenes.sort_like())
    assert [task.name for task in result.tasks if task.significant] == ["sort"]
    b = scenes.single()
    b.rows.clear()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.02)
    b.look(0.03, 0.0301, 10, scenes.READ, where=("/x/db.py:3:query",))
    b.on(0, 10, 0.3, 0.32, exits=True)
    (main,) = told(b).tasks
    assert time_in(main, State.WAITING) == pytest.approx(0.28, abs=0.001)


@pytest.mark.parametrize(
    ("meter", "words"),
    [
        ({"busy": 0.2, "own": 0.1}, "Other programs stood at the counter"),
        ({"busy": 0.1, "own": 0.1, "throttled": 0.09}, "The cgroup quota held the program back"),
        ({"busy": 0.1, "own": 0.1, "steal": 0.09}, "The machine itself was taken away (steal)"),
    ],
)
def test_20_who_took_the_core_is_named(meter: dict[str, float], words: str) -> None:
    b = scenes.processes(2)
    for i in range(60):
        me, t = 20 + i % 2, 0.01 + i * 0.005
        b.on(0, me, t, t + 0.005, preempted=i < 58, pid=me, exits=i >= 58)
    for i in range(1, 4):
        b.meter(i * 0.1, **meter)
    result = told(b)
    assert verdict(result) == ("turns", "no-free-core")
    assert result.summary["verdict"]["why"].startswith(words)
    for task in (task for task in result.tasks if task.significant):
        assert time_in(task, State.IN_LINE) > 0.1


def test_21_an_eager_task_that_ends_at_once_is_done_inside_its_maker_s_step() -> None:
    b = scenes.loop(1, 0.5)
    b.on(0, 10, 0.02, 0.4)
    b.agent(0.02, "STEP", 1)
    for n in range(3):
        t = 0.05 + n * 0.1
        b.agent(t, "TASK_NEW", 2 + n)
        b.agent(t, "STEP", 2 + n)
        b.agent(t + 0.09, "STEP_DONE")
    b.agent(0.4, "STEP_DONE")
    result = told(b)
    assert peak(result, "concurrency") == 1
    assert result.summary["verdict"]["id"] == "one-after-another"


def test_21_an_awaited_coroutine_is_no_task() -> None:
    b = scenes.loop(1, 0.5)
    for n in range(3):  # each await of a plain coroutine is a step of the same task
        scenes.work(b, 0.02 + n * 0.1, 0.05 + n * 0.1, 1, Wait.SLEEP if n < 2 else "done")
        b.ready(0.11 + n * 0.1, 1)
    assert verdict(told(b)) == ("single", None)


def test_22_thousands_of_little_tasks_are_counted_and_drawn_by_group() -> None:
    count = 3000
    b = scenes.loop(count, 0.5, "tiny")
    for n in range(count):
        t = 0.011 + n * 6e-5
        b.step(t, t + 5e-5, n + 1, "done")
    b.on(0, 10, 0.011, 0.011 + count * 6e-5)
    result = told(b)
    assert result.summary["tasks"]["by_kind"]["asyncio"] == count
    assert sum(task.work_s for task in result.tasks if task.significant) == pytest.approx(
        count * 5e-5, rel=0.01
    )
    lanes = fold(shown(result))
    assert len(lanes) <= MAX_LANES
    assert sum(lane.more or 1 for lane in lanes) == len(shown(result))


@pytest.mark.parametrize("times", [30, 100])
def test_23_a_short_one_beside_a_long_one_is_parallel(times: int) -> None:
    b = scenes.processes(1)
    b.on(0, 20, 0.01, 0.01 + 0.03 * times, pid=20, exits=True)
    b.fork(0.4999, pid=21)
    b.hello(0.4999, flags=3, pid=21)
    b.on(1, 21, 0.5, 0.53, pid=21, exits=True)
    assert verdict(told(b)) == ("parallel", None)


def test_24_what_the_kernel_does_elsewhere_is_not_the_program_s() -> None:
    quiet, busy = scenes.two_processes(), scenes.two_processes()
    for n in range(1, 4):
        quiet.meter(n * 0.1, busy=0.2, own=0.2)
        busy.meter(n * 0.1, busy=0.2 + 0.05, own=0.2)
    assert told(quiet).summary["cores_used"] == told(busy).summary["cores_used"]
    free = [told(b).summary["cores"]["free"] for b in (quiet, busy)]
    assert free == [pytest.approx(2.0), pytest.approx(1.5)]


@pytest.mark.parametrize(("together", "words"), [(True, "on the go together"),
                                                 (False, "one after another")])
def test_25_without_the_cores_concurrency_is_still_judged(together: bool, words: str) -> None:
    b = Builder(meta={"source": "schedstat", "source_why": "refused"})
    b.poll_new(0.0, 10, "python")
    b.hello(0.0)
    for n in range(2):
        first, pid = 5 if together else 5 + 20 * n, 20 + n
        b.poll_new(first * 0.04, pid, "python", ppid=10, pid=pid)
        b.hello(first * 0.04, flags=3, pid=pid)
        for i in range(first + 1, first + 16):
            b.poll(i * 0.04, pid, run=0.018, line=0.02, pid=pid)
        b.poll_gone((first + 15) * 0.04, pid, pid=pid)
    for i in range(1, 51):
        b.poll_cpu(i * 0.04, 0.0)
        b.poll_tick(i * 0.04)
    b.end = {"end_ns": b.ns(2.0), "task_clock_ns": 0,
             "rusage": {"user_s": 0.54, "system_s": 0.0}}
    result = told(b)
    assert verdict(result) == ("cannot-tell", None)
    assert words in result.summary["verdict"]["sentence"]
