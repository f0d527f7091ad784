"""Work that no task of the program's own was made for: callbacks of a loop, threads of a server."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse
from twocooks.model import Wait


def verdict(result: Analysis) -> tuple[str, str | None]:
    told = result.summary["verdict"]
    return told["id"], told["cause"]


def protocol(callback: float, count: int = 40) -> Builder:
    """A loop whose main coroutine waits while callbacks work, each after a wait for the network."""
    b = scenes.loop(1, 0.05 + count * 0.01, "main")
    scenes.work(b, 0.0103, 0.0104, 1, Wait.UNKNOWN)
    for i in range(count):
        t = 0.02 + i * 0.01
        b.on(0, 10, t, t + callback)
    scenes.work(b, 0.04 + count * 0.01, 0.0401 + count * 0.01, 1, "done")
    return b


def test_callbacks_without_a_task_are_one_task() -> None:
    result = analyse(protocol(0.004).trace())
    assert verdict(result) == ("single", None)
    task = next(task for task in result.tasks if task.name == "callbacks")
    assert task.work_s == pytest.approx(0.16, abs=0.002)
    assert task.significant
    main = next(t for t in result.tasks if t.group == "main" and t.kind == "asyncio")
    assert task.parent == main.id
    assert result.summary["concurrency"]["max"] == 1
    assert not [check for check in result.identities if not check[1]]


def test_a_loop_that_only_walks_is_no_task() -> None:
    for scene in (scenes.async_turns, scenes.sleepers, scenes.gather_parents):
        assert "callbacks" not in {task.name for task in analyse(scene().trace()).tasks}
    assert "callbacks" not in {task.name for task in analyse(protocol(0.0001).trace()).tasks}


def test_callbacks_beside_a_task_take_turns_with_it() -> None:
    b = scenes.loop(1, 0.5)
    for i in range(20):
        t = 0.02 + i * 0.02
        b.on(0, 10, t, t + 0.0199)
        b.step(t, t + 0.0099, 1, "yield")
    result = analyse(b.trace())
    assert verdict(result) == ("turns", "one-loop")


def test_a_coroutine_waits_for_the_threads_that_it_made() -> None:
    b = scenes.loop(1, 0.6, "main")
    t = 0.011
    for n in range(3):
        scenes.work(b, t, t + 0.001, 1, Wait.RESULT)
        b.fork(t + 0.0005, tid=11 + n)
        b.thread(t + 0.0011, 11 + n, f"T{n}", "work", "app.py", 3)
        b.on(1, 11 + n, t + 0.0011, t + 0.15, exits=True)
        t += 0.151
        b.ready(t - 0.0005, 1)
    scenes.work(b, t, t + 0.001, 1, "done")
    assert verdict(analyse(b.trace())) == ("one-after-another", "await-by-await")


def test_a_coroutine_does_not_wait_for_a_library_s_thread() -> None:
    b = scenes.loop(1, 0.6, "main")
    scenes.work(b, 0.011, 0.012, 1, Wait.IO)
    b.fork(0.0115, tid=11)
    b.thread(0.012, 11, "db", "run", "/x/site-packages/db/core.py", 3)
    b.on(1, 11, 0.012, 0.0121)
    b.look(0.02, 0.0201, 11, scenes.SLEEP)
    b.on(1, 11, 0.55, 0.5501, exits=True)
    b.ready(0.5, 1)
    scenes.work(b, 0.501, 0.53, 1, "done")
    main = next(t for t in analyse(b.trace()).tasks if t.kind == "asyncio")
    assert main.wait_s == pytest.approx(0.488)


def test_the_many_threads_of_a_server_are_its_work() -> None:
    b = scenes.program()
    for n in range(200):
        t = 0.02 + n * 0.002
        b.fork(t, tid=11 + n)
        b.thread(t, 11 + n, f"T{n}", "process_request_thread", "/lib/python3.11/socketserver.py")
        b.on(n % 2, 11 + n, t, t + 0.0018, exits=True)
    result = analyse(b.trace())
    assert result.summary["tasks"]["by_kind"]["thread"] == 200


def test_a_manager_is_a_helper() -> None:
    b = scenes.processes(0)
    b.fork(0.009, pid=30)
    b.hello(0.0095, flags=3, pid=30)
    text = "SyncManager-1\x1fBaseManager._run_server\x1f/lib/python3.11/multiprocessing/managers.py"
    b.agent(0.0096, "PROCESS_NAME", text=text + "\x1f1", pid=30)
    b.on(1, 30, 0.01, 0.016, pid=30)
    b.on(0, 10, 0.02, 0.5)
    b.on(1, 30, 0.5, 0.501, pid=30, exits=True)
    b.on(0, 10, 0.501, 0.502, exits=True)
    tasks = {task.name: task for task in analyse(b.trace()).tasks}
    assert tasks["SyncManager-1"].background


@pytest.mark.parametrize(("module", "answer"), [("asyncio", "nothing"), ("app", "single")])
def test_only_imports_of_the_program_s_own_are_its_dinner(module: str, answer: str) -> None:
    b = Builder()
    b.hello(0.002)
    b.on(0, 10, 0.0, 0.2, exits=True)
    b.imports(0.003, 0.199, module)
    assert verdict(analyse(b.trace()))[0] == answer


def semaphore_around_sleeps() -> Builder:
    """One loop's tasks wait for a semaphore that a sleeper holds."""
    b = scenes.loop(3, 0.5)
    for n in range(3):
        then = Wait.LOCK if n else Wait.SLEEP
        scenes.work(b, 0.0105 + n * 2e-4, 0.0106 + n * 2e-4, n + 1, then)
    for i in range(12):
        me, t = i % 3 + 1, 0.05 + i * 0.03
        b.ready(t, me)
        scenes.work(b, t, t + 0.002, me, "done" if i >= 9 else Wait.LOCK)
        if i < 11:
            nxt = (i + 1) % 3 + 1
            b.ready(t + 0.003, nxt)
            scenes.work(b, t + 0.003, t + 0.0035, nxt, Wait.SLEEP)
    return b


def test_a_line_for_a_tool_is_nobody_else_s_fault() -> None:
    """On a crowded machine, too."""
    b = semaphore_around_sleeps()
    for i in range(1, 6):
        b.meter(i * 0.1, busy=0.2, own=0.01)
    assert verdict(analyse(b.trace())) == ("turns", "one-loop")


def test_a_quota_below_two_cores_is_named() -> None:
    b = scenes.gil_threads()
    b.cpus_are(0.0, 2, 2, quota=1.5)
    result = analyse(b.trace())
    assert verdict(result) == ("turns", "no-free-core")
    why = result.summary["verdict"]["why"]
    assert "quota" in why
    assert "of 2 cores about 1.5" in why


def test_what_is_absent_has_its_reason() -> None:
    b = scenes.in_a_row()
    b.meta = {"cpus": {"usable": [0, 1], "online": 2, "quota": None, "free": None}}
    summary = analyse(b.trace()).summary
    assert "free" not in summary["cores"]
    assert "contests_won" not in summary["scores"]
    notes = " ".join(summary["measured"]["notes"])
    assert "free was not measured" in notes
    assert "Two never wanted hands at the same moment" in notes


def test_a_process_outside_the_contest_does_not_hide_the_gil() -> None:
    b = scenes.gil_threads()
    b.fork(0.22, pid=30)
    b.on(1, 30, 0.22, 0.26, pid=30, exits=True)
    assert verdict(analyse(b.trace())) == ("turns", "gil")


def sleeping_under_one_lock(rounds: int) -> Builder:
    """Three asyncio tasks; each holds the lock across a sleep, ``rounds`` times."""
    b = scenes.loop(3, 0.05 + rounds * 0.3)
    for n in (1, 2):
        scenes.work(b, 0.0105 + n * 1e-4, 0.01055 + n * 1e-4, n + 1, Wait.LOCK)
    t = 0.011
    for turn in range(3 * rounds):
        me = turn % 3 + 1
        if turn:
            b.ready(t, me)
        scenes.work(b, t, t + 5e-5, me, Wait.SLEEP)
        t += 0.09
        b.ready(t, me)
        scenes.work(b, t, t + 5e-5, me, Wait.LOCK if turn < 3 * rounds - 3 else "done")
        t += 0.001
    return b


def test_asking_for_the_tool_first_is_not_yet_cooking() -> None:
    """Half of the little work of a task that sleeps under a lock is done before it has the lock."""
    coarse = analyse(sleeping_under_one_lock(1).trace())
    assert verdict(coarse) == ("one-after-another", "lock")
    assert coarse.summary["concurrency"]["max"] == 1
    fine = analyse(sleeping_under_one_lock(3).trace())
    assert verdict(fine)[0] == "turns"
    assert fine.summary["concurrency"]["max"] == 3
