"""Each finding has a run that is one by its construction, and one just beside that is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.analyse.findings import find
from twocooks.analyse.findings.base import Finding, joined
from twocooks.analyse.places import spoken
from twocooks.analyse.verdict import Ruling
from twocooks.model import Cause, Verdict, Wait

FUTEX, READ, SEM = scenes.FUTEX, scenes.READ, scenes.SEM
Found = dict[str, dict[str, object]]


def found(b: Builder) -> Found:
    return {str(row["id"]): row for row in analyse(b.trace()).summary["findings"]}


# Runs that are one, and runs beside them ----------------------------------------------------------


def hashing() -> Builder:
    """Two threads in C code that lets go of the GIL; each asks for it for a moment now and then."""
    b = scenes.program(2, end=0.32)
    for n in range(2):
        for i in range(3):
            t = 0.01 + i * 0.1
            b.on(n, 11 + n, t, t + 0.0955, exits=i == 2)
            if i < 2:
                b.look(t + 0.097, t + 0.0971, 11 + n, FUTEX, kind=1)
    return b


def gil_on_one_core() -> Builder:
    return scenes.gil_threads(cpus=1)


def gil_kept(asks: bool = True) -> Builder:
    """T0 works for 100 ms without a stop; T1 wants the GIL and asks for it every 5 ms. (``asks``
    False: it waits in one go, as with a long switch interval.)"""
    b = scenes.program(2, end=0.4)
    for i in range(3):
        t = 0.01 + i * 0.12
        b.on(0, 11, t, t + 0.1, exits=i == 2)
        if i < 2:
            b.look(t + 0.105, t + 0.1051, 11, FUTEX, kind=1)
        wakes = [t + 0.001] + ([t + 0.001 + 0.005 * k for k in range(1, 20)] if asks else [])
        for k, wake in enumerate(wakes):
            b.on(1, 12, wake, wake + 0.00001)
            end = wakes[k + 1] if k + 1 < len(wakes) else t + 0.1
            middle = (wake + end) / 2
            b.look(middle, middle + 0.0001, 12, FUTEX, kind=1, where=("app.py:4:work",))
        b.on(1, 12, t + 0.1, t + 0.12, exits=i == 2)
    return b


def blocked_with_the_gil() -> Builder:
    """The same to look at, but a third thread has the GIL: it blocks in a call that keeps it."""
    b = gil_kept()
    b.fork(0.0096, tid=13)
    b.thread(0.0097, 13, "T2", "hold", "app.py", 9)
    b.on(1, 13, 0.0098, 0.0099)
    b.on(1, 13, 0.39, 0.391, exits=True)
    for i in range(3):
        b.holder(0.05 + i * 0.12, 0.0501 + i * 0.12, tid=13, waiter=12, turn=4, how=1)
    return b


def free_threaded(switched_on: bool) -> Builder:
    b = scenes.gil_threads()
    for place, row in enumerate(b.rows):
        if row.event == "HELLO":
            b.rows[place] = row._replace(fields=(row.fields[0], 4, *row.fields[2:]))
    if switched_on:
        b.agent(0.005, "GIL_ON", text="oldext")
    return b


def many_at_a_lock_on_full_cores() -> Builder:
    """Two processes work all the time; a third wants a lock, but no core is free for it."""
    b = scenes.processes(3)
    for n in range(2):
        b.on(n, 20 + n, 0.01, 0.41, pid=20 + n, exits=True)
    b.on(0, 22, 0.0095, 0.0099, pid=22)
    b.look(0.02, 0.0201, 22, FUTEX, arg=5, kind=SEM, where=("app.py:4:w",), pid=22)
    b.on(0, 22, 0.411, 0.42, pid=22, exits=True)
    return b


def short_steps() -> Builder:
    """Three tasks in turns, none of whose steps is long."""
    return scenes.async_turns()


def short_calls(blocking: bool = True, where: str = "app.py:4:job") -> Builder:
    """Every step sleeps 20 ms, or computes for as long, while two others wait for their turn."""
    b = scenes.loop(3, 0.6)
    for i in range(24):
        t = 0.011 + i * 0.022
        then = "done" if i >= 21 else "yield"
        if not blocking:
            scenes.work(b, t, t + 0.02, i % 3 + 1, then)
            continue
        b.on(0, 10, t, t + 0.0005)
        b.look(t + 0.004, t + 0.0041, 10, scenes.SLEEP, where=(where,))
        b.on(0, 10, t + 0.0195, t + 0.02)
        b.step(t, t + 0.02, i % 3 + 1, then)
    return b


def held_alone() -> Builder:
    """A long step, and nobody else."""
    b = scenes.loop(1, 0.5)
    scenes.work(b, 0.011, 0.4, 1, "done")
    return b


def held_while_a_timer_ran_out(quick: bool = False) -> Builder:
    """Task 2 sleeps when task 1 begins a long step; the loop wakes it right after that."""
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.011, 0.0111, 2, Wait.SLEEP)
    end = 0.03 if quick else 0.3
    scenes.work(b, 0.012, end, 1, "done")
    b.on(0, 10, end, end + 0.0001)
    b.ready(end + 0.00005, 2)
    scenes.work(b, end + 0.0001, end + 0.001, 2, "done")
    return b


def in_a_row(calls: int = 4, waited_for: bool = True, different: bool = False) -> Builder:
    """A coroutine makes tasks and waits for each before it makes the next."""
    b = scenes.loop(1, 1.0, "main")
    t = 0.011
    scenes.work(b, t, t + 0.0001, 1, Wait.TASK if waited_for else Wait.SLEEP)
    for n in range(calls):
        a = t + n * 0.1
        function = f"job{n}" if different else "job"
        b.agent(a + 0.00005, "TASK_NEW", n + 2)
        b.agent(a + 0.00005, "TASK_NAME", n + 2, text=f"t{n}\x1f{function}\x1fapp.py\x1f3")
        scenes.work(b, a + 0.0002, a + 0.0005, n + 2, Wait.SLEEP)
        b.ready(a + 0.09, n + 2)
        scenes.work(b, a + 0.0901, a + 0.0921, n + 2, "done")
        b.ready(a + 0.0922, 1)
        then: str | Wait = "done" if n == calls - 1 else Wait.TASK if waited_for else Wait.SLEEP
        scenes.work(b, a + 0.1, a + 0.1001, 1, then)
    return b


def two_in_a_row() -> Builder:
    """Two coroutines that each make tasks of one function and wait for each: two at a time."""
    b = scenes.loop(2, 1.0, "main")
    for parent in (1, 2):
        scenes.work(b, 0.011 + 0.003 * parent, 0.0111 + 0.003 * parent, parent, Wait.TASK)
    for n in range(4):
        for parent in (1, 2):
            a = 0.011 + n * 0.1 + 0.003 * parent
            task = 10 * parent + n
            b.agent(a + 0.00005, "TASK_NEW", task)
            b.agent(a + 0.00005, "TASK_NAME", task, text=f"t{task}\x1fjob\x1fapp.py\x1f3")
            scenes.work(b, a + 0.0002, a + 0.0005, task, Wait.SLEEP)
            b.ready(a + 0.09, task)
            scenes.work(b, a + 0.0901, a + 0.0921, task, "done")
            b.ready(a + 0.0922, parent)
            then: str | Wait = "done" if n == 3 else Wait.TASK
            scenes.work(b, a + 0.1, a + 0.1001, parent, then)
    return b


def customers(joins: bool) -> Builder:
    """A thread starts one thread for each customer, one after another: as they come (it waits in
    accept), or because it joins each."""
    b = scenes.program(end=None)
    for n in range(5):
        t = 0.02 + n * 0.1
        b.fork(t - 0.0005, tid=11 + n)
        b.thread(t - 0.0004, 11 + n, f"T{n}", "serve", "app.py", 3)
        b.on(0, 10, t - 0.001, t)
        frames = scenes.JOIN if joins else ("/lib/python3.11/socket.py:294:accept", "app.py:9:main")
        b.look(t + 0.003, t + 0.0031, 10, FUTEX if joins else 43, where=frames)
        b.on(1, 11 + n, t, t + 0.001)
        b.look(t + 0.004, t + 0.0041, 11 + n, READ, where=("app.py:5:serve",))
        b.on(1, 11 + n, t + 0.09, t + 0.091, exits=True)
    b.on(0, 10, 0.6, 0.601, exits=True)
    return b


def pool(
    workers: int, items: int, each: float = 0.1, waits: bool = True, last: float | None = None
) -> Builder:
    """A thread pool whose pieces wait for the network (or, without ``waits``, work)."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.02)
    worker = "/usr/lib/python3.11/concurrent/futures/thread.py"
    for n in range(workers):
        b.fork(0.0150, tid=11 + n)
        b.thread(0.0151, 11 + n, f"Pool-0_{n}", "_worker", worker, 1)
    b.look(0.03, 0.0301, 10, FUTEX, where=scenes.JOIN)
    until = 0.0
    for i in range(items):
        b.item_new(0.015 + i * 1e-4, i + 1, 1, "piece", "app.py", 7)
        me, tid = i % workers, 11 + i % workers
        t = 0.02 + (i // workers) * each
        length = last if last is not None and i == items - 1 else each
        until = max(until, t + length)
        if waits:
            b.on(me % 2, tid, t, t + 0.001)
            b.look(t + 0.005, t + 0.0051, tid, READ, arg=5, where=("app.py:8:piece",))
            b.on(me % 2, tid, t + length - 0.001, t + length - 0.0001, exits=i >= items - workers)
        else:
            b.on(me % 2, tid, t, t + length - 0.0001, exits=i >= items - workers)
        b.item(t, t + length - 0.0002, i + 1, tid)
    b.on(0, 10, until + 0.001, until + 0.002, exits=True)
    return b


def slow_giver(slow: bool = True) -> Builder:
    """Main prepares each piece for 50 ms and gives it to one of two worker processes, who need 20
    ms. (``slow`` False: it has all of them ready at once.)"""
    b = scenes.processes(2)
    for n in range(2):
        b.on(1, 20 + n, 0.0101 + n * 1e-4, 0.01015 + n * 1e-4, pid=20 + n)
    for i in range(8):
        t = 0.02 + i * 0.05
        given = t + 0.049 if slow else 0.0205
        begun = t + 0.05 if slow else 0.021 + (i // 2) * 0.021
        me = i % 2
        if slow:
            b.on(0, 10, t, t + 0.0499)
        b.item_new(given, i + 1, 2, "piece", "app.py", 7)
        core = 1 if slow else me
        b.on(core, 20 + me, begun, begun + 0.02, pid=20 + me, exits=i >= 6)
        b.item(begun, begun + 0.0199, i + 1, 20 + me, pid=20 + me)
    if not slow:
        b.on(0, 10, 0.02, 0.0209)
    b.on(0, 10, 0.5, 0.501, exits=True)
    return b


def connections(busy: bool) -> Builder:
    """Four short tasks and one that goes on for long: waiting, or computing (``busy``)."""
    b = scenes.loop(5, 1.2, "handle")
    for n in range(5):
        t = 0.011 + n * 0.001
        scenes.work(b, t, t + 0.0009, n + 1, Wait.IO)
    for n in range(4):
        t = 0.1 + n * 0.01
        b.ready(t, n + 1)
        scenes.work(b, t + 0.0001, t + 0.005, n + 1, "done")
    b.ready(0.15, 5)
    if busy:
        scenes.work(b, 0.1501, 1.0, 5, "done")
    else:
        scenes.work(b, 0.1501, 0.151, 5, Wait.IO)
        b.ready(1.0, 5)
        scenes.work(b, 1.0001, 1.001, 5, "done")
    return b


def blas(threads: int) -> Builder:
    """Two worker processes whose algebra library starts threads of its own; 5 ms slices."""
    b = scenes.processes(2)
    mine: dict[int, list[int]] = {20: [20], 21: [21]}
    for pid in (20, 21):
        for k in range(threads):
            tid = pid * 10 + k
            b.fork(0.0098, tid=tid, pid=pid, ppid=pid)
            mine[pid].append(tid)
    for cpu, pid in enumerate((20, 21)):
        b.on(cpu, pid, 0.0095, 0.0099, pid=pid)
        for i in range(60):
            tid = mine[pid][i % len(mine[pid])]
            t = 0.01 + i * 0.005
            ends = i >= 60 - len(mine[pid])
            b.on(cpu, tid, t, t + 0.005, preempted=not ends, pid=pid, exits=ends)
    b.on(0, 10, 0.32, 0.321, exits=True)
    return b


def crowded(others: float) -> Builder:
    """Two processes on one of two cores; other programs have the other for a share of the time."""
    b = scenes.processes(2)
    for i in range(60):
        me, t = 20 + i % 2, 0.01 + i * 0.005
        b.on(0, me, t, t + 0.005, preempted=i < 58, pid=me, exits=i >= 58)
    for i in range(1, 4):
        b.meter(i * 0.1, busy=0.1 + 0.1 * others, own=0.1)
    return b


def pipeline() -> Builder:
    """Two processes, both at work most of the time; one waits for the other now and then."""
    b = scenes.processes(2)
    frames = ("/usr/lib/python3.11/multiprocessing/connection.py:379:_recv", "app.py:4:work")
    b.on(0, 20, 0.01, 0.41, pid=20, exits=True)
    for i in range(10):
        t = 0.01 + i * 0.04
        b.on(1, 21, t, t + 0.03, pid=21, exits=i == 9)
        if i < 9:
            b.look(t + 0.033, t + 0.0331, 21, READ, arg=5, where=frames, pid=21)
    return b


Scene = Callable[[], Builder]
PAIRS: list[tuple[str, Scene, Scene]] = [
    ("gil-bound", scenes.gil_threads, hashing),
    ("gil-bound", scenes.gil_threads_blinking, gil_on_one_core),
    ("native-keeps-gil", gil_kept, scenes.gil_threads_blinking),
    ("native-keeps-gil", gil_kept, lambda: gil_kept(asks=False)),
    ("native-keeps-gil", gil_kept, blocked_with_the_gil),
    ("gil-switched-on", lambda: free_threaded(True), lambda: free_threaded(False)),
    ("lock", scenes.lock_fine, many_at_a_lock_on_full_cores),
    ("lock", scenes.async_lock, scenes.relay_semaphores),
    ("loop-held", scenes.loop_held, short_steps),
    ("loop-held", short_calls, lambda: short_calls(blocking=False)),
    ("loop-held", held_while_a_timer_ran_out, held_alone),
    ("loop-held", held_while_a_timer_ran_out, lambda: held_while_a_timer_ran_out(quick=True)),
    ("await-by-await", in_a_row, lambda: in_a_row(waited_for=False)),
    ("await-by-await", in_a_row, lambda: in_a_row(different=True)),
    ("await-by-await", in_a_row, scenes.sleepers),
    ("await-by-await", in_a_row, lambda: in_a_row(calls=2)),
    ("await-by-await", in_a_row, two_in_a_row),
    ("await-by-await", lambda: customers(joins=True), lambda: customers(joins=False)),
    ("pool-too-small", lambda: pool(2, 8), lambda: pool(8, 8)),
    ("pool-too-small", lambda: pool(2, 8), lambda: pool(2, 8, waits=False)),
    ("workers-idle", slow_giver, lambda: slow_giver(slow=False)),
    ("straggler", lambda: pool(4, 4, last=0.6), lambda: pool(4, 4, last=0.15)),
    ("straggler", lambda: connections(busy=True), lambda: connections(busy=False)),
    ("too-many-threads", lambda: blas(2), lambda: blas(0)),
    ("too-many-threads", lambda: blas(1), scenes.four_on_two),
    ("too-many-threads", lambda: blas(1), scenes.many_hands),
    ("no-free-core", lambda: crowded(1.0), lambda: crowded(0.1)),
    ("no-free-core", scenes.busy_machine, scenes.pinned),
    ("relay", scenes.relay, pipeline),
    ("relay", scenes.async_relay, scenes.no_contest),
]


@pytest.mark.parametrize(("name", "one", "beside"), PAIRS)
def test_it_is_found_where_it_is_and_not_beside(name: str, one: Scene, beside: Scene) -> None:
    assert name in found(one())
    assert name not in found(beside())


def test_every_rule_has_its_pair() -> None:
    assert {rule.id for rule in find.RULES} == {name for name, _, _ in PAIRS}


# What is said of them -----------------------------------------------------------------------------


def test_the_seconds_are_those_of_the_run_and_come_in_their_order() -> None:
    one = found(scenes.lock_fine())["lock"]
    assert one["seconds"] == pytest.approx(0.38, abs=0.001)
    rows = list(found(gil_kept()).values())
    costs = [float(str(row["seconds"])) for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert all(len(str(row["sentence"])) > 20 and row["so"] for row in rows)


def test_evidence_names_the_line_and_why_rests_on_it() -> None:
    verdict = analyse(scenes.gil_threads().trace()).summary["verdict"]
    assert verdict["finding"] == "gil-bound"
    assert "0.2 s in all" in verdict["why"]
    seen = found(scenes.lock_fine())["lock"]
    assert seen["where"] == ["app.py:4 work"]
    assert str(seen["sentence"]).endswith("app.py:4 in work.")
    held = analyse(scenes.loop_held().trace()).summary["verdict"]
    assert held["finding"] == "loop-held"
    assert "app.py:4 in job" in held["why"]


def test_a_loop_that_blocks_again_and_again_is_told_so_and_what_to_do() -> None:
    verdict = analyse(short_calls().trace()).summary["verdict"]
    assert (verdict["cause"], verdict["finding"]) == ("one-loop", "loop-held")
    assert verdict["why"].count("kept") == 1
    assert "23 steps like it" in verdict["why"]  # behind the last one nobody stood
    assert "app.py:4 in job" in verdict["why"]
    assert verdict["so"].startswith("Give the cook back")
    deep = found(short_calls(where="/x/lib/python3.11/http/client.py:286:read"))["loop-held"]
    assert deep["where"] == ["app.py:3 job", "/x/lib/python3.11/http/client.py:286 read"]
    computing = analyse(short_calls(blocking=False).trace()).summary["verdict"]
    assert computing["cause"] == "one-loop"
    assert "second process" in computing["so"]


def test_without_a_cause_what_was_found_in_most_of_the_time_is_the_reason() -> None:
    texts = {"why": "not seen", "so": ""}
    ruling = Ruling(Verdict.TURNS, Cause.UNKNOWN, 7)
    held = Finding("loop-held", "“T” kept the event loop", 0.5, ("app.py:4 job",), "Give it back.")
    assert find.ground(texts, ruling, [held], 0.9) == {
        "why": "“T” kept the event loop: app.py:4 in job.",
        "so": "Give it back.",
        "finding": "loop-held",
    }
    assert find.ground(texts, ruling, [held], 1.1) == texts
    assert find.ground(texts, ruling, [], 0.0) == texts


def test_what_cost_more_than_the_whole_contest_is_advised_first() -> None:
    texts = {"why": "The GIL.", "so": "Use processes."}
    small = Finding("pool-too-small", "Pieces waited", 0.3, (), "Give the pool more workers.")
    gil = Ruling(Verdict.TURNS, Cause.GIL, 7)
    told = find.ground(texts, gil, [small], 0.04)
    assert told == texts | {"so": "Give the pool more workers. Use processes."}
    assert find.ground(texts, gil, [small], 0.4) == texts
    proof = Finding("gil-bound", "They stood in line", 0.1, (), "Use processes.")
    assert find.ground(texts, gil, [small, proof], 0.04)["so"] == "Use processes."


def test_a_call_that_keeps_the_gil_explains_the_waits_for_it() -> None:
    seen = found(gil_kept())
    assert "gil-bound" not in seen  # it would say less of the same
    assert "“T0”" in str(seen["native-keeps-gil"]["sentence"])
    verdict = analyse(gil_kept().trace()).summary["verdict"]
    assert verdict["cause"] == "gil"
    assert "native call" in verdict["why"]
    assert "process" in verdict["so"]


def test_where_the_call_was_is_told_by_samples() -> None:
    b = gil_kept()
    assert found(b)["native-keeps-gil"]["where"] == ["app.py:3 work"]
    b.run(0.05, 11, 1, ("app.py:5:pack", "app.py:3:work"))
    b.run(0.06, 12, 1, ("app.py:9:other",))
    assert found(b)["native-keeps-gil"]["where"] == ["app.py:5 pack"]


def test_the_import_is_named() -> None:
    row = found(free_threaded(True))["gil-switched-on"]
    assert "oldext" in str(row["sentence"])
    assert "oldext" in str(row["so"])


def test_five_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    class Always:
        def __init__(self, number: int) -> None:
            self.id = f"n{number}"
            self.cost = float(number)

        def look(self, facts: object) -> Finding:
            return Finding(self.id, "It was so", self.cost)

    monkeypatch.setattr(find, "RULES", tuple(Always(n) for n in range(8)))
    told = analyse(scenes.lock_fine().trace()).summary["findings"]
    assert [row["id"] for row in told] == ["n7", "n6", "n5", "n4", "n3"]


QUIET: list[Scene] = [
    scenes.nothing,
    scenes.single,
    scenes.two_processes,
    scenes.four_on_two,
    scenes.no_contest,
    scenes.sleepers,
    scenes.gather_parents,
    scenes.two_loops,
    scenes.many_hands,
]


@pytest.mark.parametrize("scene", QUIET)
def test_where_nothing_stands_in_the_way_nothing_is_said(scene: Scene) -> None:
    assert found(scene()) == {}


def test_the_words_of_a_place() -> None:
    assert spoken("/a b/c.py:4 work") == "c.py:4 in work"
    assert spoken("c.py:4 <module>") == "c.py:4"
    assert spoken("/a/logging/__init__.py:9 acquire") == "logging/__init__.py:9 in acquire"
    assert joined(["a", "b", "c"]) == "a, b and c"
