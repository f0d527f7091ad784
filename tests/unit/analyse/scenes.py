"""Synthetic situations with known answers, built from records (times in seconds)."""

from __future__ import annotations

from collections.abc import Callable

from tests.kit.builder import Builder
from twocooks.model import Wait

THREADING = "/usr/lib/python3.11/threading.py"
JOIN = (f"{THREADING}:1119:_wait_for_tstate_lock", "app.py:9:main")
FUTEX, SLEEP, READ, WAIT4 = 202, 230, 0, 61
SHARED_LOCK = ("/usr/lib/python3.11/multiprocessing/synchronize.py:95:__enter__", "app.py:4:work")
SEM = 3
"""What the recorder says of a futex that is one of Python's locks."""

Scene = Callable[[], Builder]


def program(threads: int = 0, at: float = 0.01, end: float | None = None, **kw: object) -> Builder:
    """A program whose main thread starts ``threads`` threads (tids 11..) and then joins them."""
    b = Builder(**kw)  # type: ignore[arg-type]
    b.hello(0.0)
    b.on(0, 10, 0.0, at)
    for n in range(threads):
        b.fork(at - 0.0005, tid=11 + n)
        b.thread(at - 0.0004, 11 + n, f"T{n}", "work", "app.py", 3)
    if end is not None:
        b.look(at + 0.003, at + 0.0031, 10, FUTEX, where=JOIN)
        b.on(0, 10, end, end + 0.004, exits=True)
    return b


def processes(count: int, at: float = 0.01, **kw: object) -> Builder:
    """A program that forks ``count`` processes (pids 20..) that say their names."""
    b = Builder(**kw)  # type: ignore[arg-type]
    b.hello(0.0)
    b.on(0, 10, 0.0, at)
    for n in range(count):
        b.fork(at - 0.0005, pid=20 + n)
        b.hello(at, flags=3, pid=20 + n)
        b.process_name(at, 20 + n, f"P{n}", f"work{n}")
    return b


def gil_threads(rounds: int = 40, cpus: int = 2) -> Builder:
    """Two threads compute; each waits for the GIL while the other runs 5 ms."""
    b = program(2, end=0.01 + rounds * 0.005, cpus=cpus)
    for i in range(rounds):
        me, t = 11 + i % 2, 0.01 + i * 0.005
        last = i >= rounds - 2
        b.on(i % min(2, cpus), me, t, t + 0.005, exits=last)
        if not last:
            b.look(t + 0.007, t + 0.0071, me, FUTEX, kind=1)
    return b


def gil_threads_blinking() -> Builder:
    """The same, and the one that waits wakes every few ms for 10 us to ask for the GIL."""
    b = gil_threads()
    for i in range(1, 38):
        t = 0.01 + i * 0.005
        me, cpu = 11 + (i + 1) % 2, (i + 1) % 2
        b.on(cpu, me, t + 0.003, t + 0.00301)
        b.look(t + 0.0035, t + 0.0036, me, FUTEX, kind=1)
    return b


def two_processes(length: float = 0.3) -> Builder:
    b = processes(2)
    for n in range(2):
        b.on(n, 20 + n, 0.01, 0.01 + length + n * 0.01, pid=20 + n, exits=True)
    return b


def beside_a_stranger() -> Builder:
    """Two processes on two cores; another program pushes the second off its core now and then."""
    b = processes(2)
    b.on(0, 20, 0.01, 0.41, pid=20, exits=True)
    for i in range(8):
        t = 0.01 + i * 0.05
        b.on(1, 21, t, t + 0.035, preempted=i < 7, pid=21, exits=i == 7)
    return b


def four_on_two() -> Builder:
    """Four processes on two cores, 5 ms slices, all pushed off."""
    b = processes(4)
    for i in range(60):
        for cpu in range(2):
            me = 20 + cpu + 2 * (i % 2)
            t = 0.01 + i * 0.005
            b.on(cpu, me, t, t + 0.005, preempted=i < 58, pid=me, exits=i >= 58)
    return b


def pinned() -> Builder:
    """Two processes on the one core that may be used."""
    b = processes(2, cpus=1)
    for i in range(60):
        me, t = 20 + i % 2, 0.01 + i * 0.005
        b.on(0, me, t, t + 0.005, preempted=i < 58, pid=me, exits=i >= 58)
    return b


def in_a_row() -> Builder:
    """Two processes, the second is started when the first is done."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.01)
    for n in range(2):
        t = 0.01 + 0.2 * n
        b.fork(t - 0.0005, pid=20 + n)
        b.hello(t, flags=3, pid=20 + n)
        b.process_name(t, 20 + n, f"P{n}", "work")
        b.on(0, 20 + n, t, t + 0.199, pid=20 + n, exits=True)
    return b


def lock_coarse() -> Builder:
    """Three threads, a lock around the whole job."""
    b = program(3, end=0.33)
    for n in range(3):
        tid, t = 11 + n, 0.011 + 0.1 * n
        if n:
            b.on(1, tid, 0.0105 + n * 1e-4, 0.01055 + n * 1e-4)
            b.look(0.014, 0.0141, tid, FUTEX, arg=77, kind=SEM, where=("app.py:4:work",))
        b.on(0, tid, t + 0.0005, t + 0.1, exits=True)
    return b


def lock_fine() -> Builder:
    """Two processes take turns at one lock, 10 ms each."""
    b = processes(2)
    for i in range(40):
        me, t = 20 + i % 2, 0.01 + i * 0.01
        b.on(i % 2, me, t, t + 0.01, pid=me, exits=i >= 38)
        if i < 38:
            b.look(
                t + 0.013, t + 0.0131, me, FUTEX, arg=5, kind=SEM, where=SHARED_LOCK, pid=me
            )
    return b


def lock_some() -> Builder:
    """Two processes: a quarter of each round they work side by side, the rest under the lock."""
    b = processes(2)
    for i in range(20):
        t = 0.01 + i * 0.04
        for n in range(2):
            pid, last = 20 + n, i == 19
            if n == i % 2:
                b.on(n, pid, t, t + 0.025, pid=pid, exits=last)
                if not last:
                    b.look(
                        t + 0.028,
                        t + 0.0281,
                        pid,
                        FUTEX,
                        arg=5,
                        kind=SEM,
                        where=("app.py:4:w",),
                        pid=pid,
                    )
            else:
                b.on(n, pid, t, t + 0.01, pid=pid)
                b.look(
                    t + 0.013,
                    t + 0.0131,
                    pid,
                    FUTEX,
                    arg=5,
                    kind=SEM,
                    where=("app.py:4:w",),
                    pid=pid,
                )
                b.on(n, pid, t + 0.025, t + 0.04, pid=pid, exits=last)
    return b


def first_look(b: Builder, syscall: int, arg: int, frames: tuple[str, ...]) -> None:
    """The second process begins at once and waits for its first piece."""
    b.on(1, 21, 0.01, 0.0101, pid=21)
    kind = SEM if syscall == FUTEX else 0
    b.look(0.013, 0.0131, 21, syscall, arg=arg, kind=kind, where=frames, pid=21)


def relay() -> Builder:
    """Two processes hand 10 ms pieces to and fro through a queue."""
    b = processes(2)
    frames = ("/usr/lib/python3.11/multiprocessing/connection.py:379:_recv", "app.py:4:work")
    first_look(b, READ, 5, frames)
    for i in range(40):
        me, t = 20 + i % 2, 0.01 + i * 0.01
        b.on(i % 2, me, t, t + 0.01, pid=me, exits=i >= 38)
        if i < 38:
            b.look(t + 0.013, t + 0.0131, me, READ, arg=5, where=frames, pid=me)
    return b


def relay_semaphores() -> Builder:
    """The same through two semaphores, each waited for by one side alone."""
    b = processes(2)
    first_look(b, FUTEX, 1064, ("app.py:4:work",))
    for i in range(40):
        me, t = 20 + i % 2, 0.01 + i * 0.01
        b.on(i % 2, me, t, t + 0.01, pid=me, exits=i >= 38)
        if i < 38:
            arg = 1000 + 64 * (i % 2)
            b.look(
                t + 0.013,
                t + 0.0131,
                me,
                FUTEX,
                arg=arg,
                kind=SEM,
                where=("app.py:4:work",),
                pid=me,
            )
    return b


def ping_pong() -> Builder:
    """The same with 200 us pieces: no wait is long enough to be labelled."""
    b = processes(2)
    for i in range(1000):
        me, t = 20 + i % 2, 0.01 + i * 0.0002
        b.on(i % 2, me, t, t + 0.000195, pid=me, exits=i >= 998)
    return b


def loop(tasks: int, end: float, function: str = "job") -> Builder:
    """A program with one event loop from 10 ms to ``end`` and tasks 1..n made at its begin."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.0102)
    b.loop(0.01, end)
    for n in range(tasks):
        b.task(0.0101, n + 1, f"t{n}", function, "app.py", 3)
        b.ready(0.0101, n + 1)
    b.on(0, 10, end - 0.0001, end + 0.002, exits=True)
    return b


def work(b: Builder, start: float, end: float, task: int, then: str | Wait = "yield") -> None:
    """One step that works from begin to end."""
    b.on(0, 10, start, end)
    b.step(start, end, task, then)


def async_turns() -> Builder:
    b = loop(3, 0.5)
    for i in range(30):
        t = 0.011 + i * 0.01
        work(b, t, t + 0.00999, i % 3 + 1, "done" if i >= 27 else "yield")
    return b


def loop_held() -> Builder:
    """Each task sleeps 50 ms in ``time.sleep``: it holds the cook."""
    b = loop(4, 0.3)
    for n in range(4):
        t = 0.011 + n * 0.051
        b.on(0, 10, t, t + 0.0005)
        b.look(t + 0.004, t + 0.0041, 10, SLEEP, where=("app.py:4:job",))
        b.on(0, 10, t + 0.0505, t + 0.0509)
        b.step(t, t + 0.0509, n + 1, "done")
    return b


def awaits_in_a_row() -> Builder:
    b = loop(0, 0.5)
    for n in range(4):
        t = 0.011 + n * 0.1
        b.task(t, n + 1, f"t{n}", "job", "app.py", 3)
        b.ready(t, n + 1)
        work(b, t + 0.0001, t + 0.0005, n + 1, Wait.SLEEP)
        b.ready(t + 0.09, n + 1)
        work(b, t + 0.0901, t + 0.0921, n + 1, "done")
    return b


def sleepers(count: int = 50) -> Builder:
    b = loop(count, 0.6)
    for n in range(count):
        t = 0.011 + n * 0.00006
        work(b, t, t + 0.00005, n + 1, Wait.SLEEP)
        b.ready(t + 0.5, n + 1)
        work(b, t + 0.500001, t + 0.50005, n + 1, "done")
    return b


def async_lock() -> Builder:
    """Three tasks, an asyncio lock around the whole job."""
    b = loop(3, 0.5)
    for n in range(1, 3):
        work(b, 0.0105 + n * 5e-5, 0.0105 + n * 5e-5 + 1e-5, n + 1, Wait.LOCK)
    for n in range(3):
        t = 0.011 + 0.1 * n
        if n:
            b.ready(t, n + 1)
        work(b, t + 0.0001, t + 0.03, n + 1, Wait.SLEEP)
        b.ready(t + 0.06, n + 1)
        work(b, t + 0.0601, t + 0.0995, n + 1, "done")
    return b


def async_relay() -> Builder:
    """Two tasks, each woken by the other."""
    b = loop(2, 0.5)
    work(b, 0.0105, 0.0106, 2, Wait.RESULT)
    for i in range(40):
        t, task = 0.011 + i * 0.01, i % 2 + 1
        if i < 39:
            b.ready(t + 0.0098, 3 - task)
        work(b, t, t + 0.0099, task, "done" if i >= 38 else Wait.RESULT)
    return b


def gather_parents() -> Builder:
    """A parent and a grandparent that only wait: one leaf works."""
    b = loop(1, 0.5, "outer")
    work(b, 0.011, 0.0111, 1, Wait.GROUP)
    b.agent(0.01105, "TASK_NEW", 2)
    work(b, 0.0112, 0.0113, 2, Wait.GATHER)
    b.agent(0.01125, "TASK_NEW", 3)
    work(b, 0.0114, 0.4, 3, "done")
    b.ready(0.4001, 2)
    work(b, 0.4002, 0.4003, 2, "done")
    b.ready(0.4004, 1)
    work(b, 0.4005, 0.4006, 1, "done")
    return b


def pool(workers: int, items: int = 4, together: bool = False) -> Builder:
    """A thread pool with items of 100 ms in C code that needs no GIL."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.02)
    worker = "/usr/lib/python3.11/concurrent/futures/thread.py"
    for n in range(workers):
        b.fork(0.0150, tid=11 + n)
        b.thread(0.0151, 11 + n, f"W{n}", "_worker", worker, 1)
    for i in range(items):
        b.item_new(0.015 + i * 1e-4, i + 1, 1, "piece")
        me = i % workers
        t = 0.02 + (i // workers) * 0.1
        last = i >= items - workers
        b.on(me % 2, 11 + me, t, t + 0.0999, exits=last)
        b.item(t, t + 0.0998, i + 1, 11 + me)
    b.look(0.03, 0.0301, 10, FUTEX, where=JOIN)
    return b


def amdahl() -> Builder:
    """Main works 0.2 s alone, then two processes 0.1 s side by side."""
    b = processes(2, at=0.2)
    b.look(0.21, 0.2101, 10, WAIT4)
    for n in range(2):
        b.on(n, 20 + n, 0.2, 0.3, pid=20 + n, exits=True)
    b.on(0, 10, 0.3, 0.302, exits=True)
    return b


def thread_sleepers() -> Builder:
    b = program(20, end=0.5)
    for n in range(20):
        t = 0.011 + n * 2e-4
        b.on(1, 11 + n, t, t + 1e-4)
        b.look(t + 0.003, t + 0.0031, 11 + n, SLEEP)
        b.on(1, 11 + n, t + 0.4, t + 0.4 + 1e-4, exits=True)
    return b


def many_hands() -> Builder:
    """One call of main that two native threads work for beside it."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.4, exits=True)
    b.fork(0.01, tid=11)
    b.on(1, 11, 0.012, 0.39, exits=True)
    return b


def hands_while_waiting() -> Builder:
    """Main waits in a native call while two native threads work."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.02)
    b.fork(0.01, tid=11)
    b.fork(0.01, tid=12)
    b.on(0, 11, 0.02, 0.3)
    b.on(1, 12, 0.02, 0.3)
    b.on(0, 10, 0.3, 0.31, exits=True)
    return b


def sort_like() -> Builder:
    """A child program that is no Python, with two threads."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.003)
    b.look(0.01, 0.0101, 10, WAIT4)
    b.fork(0.002, pid=30)
    b.on(1, 30, 0.003, 0.3, pid=30)
    b.exec(0.0035, "sort", pid=30, cpu=1)
    b.fork(0.01, tid=31, pid=30, ptid=30, ppid=30, cpu=1)
    b.on(0, 31, 0.011, 0.3, pid=30, exits=True)
    b.on(1, 30, 0.301, 0.305, pid=30, exits=True)
    b.on(0, 10, 0.306, 0.308, exits=True)
    return b


def busy_machine() -> Builder:
    """Two processes; another program has one of the two cores."""
    b = processes(2)
    for i in range(60):
        me, t = 20 + i % 2, 0.01 + i * 0.005
        b.on(0, me, t, t + 0.005, preempted=i < 58, pid=me, exits=i >= 58)
    for i in range(1, 4):
        b.meter(i * 0.1, busy=0.2, own=0.1)
    return b


def single() -> Builder:
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 0.2, exits=True)
    return b


def nothing() -> Builder:
    b = Builder()
    b.hello(0.002)
    b.on(0, 10, 0.0, 0.004, exits=True)
    return b


def no_contest() -> Builder:
    """Two threads work in turns by the clock, sleeping while the other works."""
    b = program(2, end=0.85)
    b.on(1, 12, 0.011, 0.0112)
    b.look(0.014, 0.0141, 12, SLEEP)
    for i in range(20):
        me, t = 11 + i % 2, 0.02 + i * 0.04
        b.on(0, me, t, t + 0.015, exits=i >= 18)
        if i < 18:
            b.look(t + 0.018, t + 0.0181, me, SLEEP)
    return b


def two_loops() -> Builder:
    """Two processes, each with a loop whose two tasks take turns."""
    b = processes(2)
    for n in range(2):
        pid = 20 + n
        b.on(n, pid, 0.01, 0.35, pid=pid, exits=True)
        b.loop(0.012, 0.34, pid=pid)
        for k in range(2):
            b.task(0.0125, k + 1, f"t{k}", "job", pid=pid)
            b.ready(0.0125, k + 1, pid=pid)
        for i in range(30):
            t = 0.013 + i * 0.01
            then = "done" if i >= 28 else "yield"
            b.step(t, t + 0.0099, i % 2 + 1, then, pid=pid)
    return b


def turns_then_parallel() -> Builder:
    """Two processes: until 0.51 s in turns at a lock between them, then side by side."""
    b = processes(2)
    for i in range(10):
        me, t = i % 2, 0.01 + i * 0.05
        b.on(me, 20 + me, t, t + 0.05, pid=20 + me)
        b.look(t + 0.053, t + 0.0531, 20 + me, FUTEX, arg=64, where=SHARED_LOCK,
               pid=20 + me)  # fmt: skip
    for n in range(2):
        b.on(n, 20 + n, 0.52, 1.0, pid=20 + n, exits=True)
    return b


def polled(*shares: float) -> Builder:
    """Two processes of which only sums are known, by 25 looks 40 ms apart for each share: so much
    of its time each of the two was at work then, and in line for a core the rest."""
    b = Builder(meta={"source": "schedstat", "source_why": "asked for"})
    b.poll_new(0.0, 10, "python")
    b.hello(0.0)
    for n in range(2):
        b.poll_new(0.01, 20 + n, "python", ppid=10, pid=20 + n)
        b.hello(0.01, flags=3, pid=20 + n)
    worked = 0.0
    for i, share in enumerate((share for share in shares for _ in range(25)), 1):
        t = i * 0.04
        for n in range(2):
            b.poll(t, 20 + n, run=0.04 * share, line=0.04 * (1 - share), pid=20 + n)
        worked += 2 * 0.04 * share
        b.poll_cpu(t, worked)
        b.poll_tick(t)
    b.end = {"end_ns": b.ns(float(len(shares))), "task_clock_ns": 0,
             "rusage": {"user_s": worked, "system_s": 0.0}}  # fmt: skip
    return b


SCENES: dict[Scene, tuple[str, str | None]] = {
    gil_threads: ("turns", "gil"),
    gil_threads_blinking: ("turns", "gil"),
    two_processes: ("parallel", None),
    beside_a_stranger: ("parallel", None),
    four_on_two: ("both", None),
    pinned: ("turns", "one-core"),
    in_a_row: ("one-after-another", "await-by-await"),
    lock_coarse: ("one-after-another", "lock"),
    lock_fine: ("turns", "lock"),
    lock_some: ("sometimes", "lock"),
    relay: ("relay", "hand-over"),
    relay_semaphores: ("relay", "hand-over"),
    ping_pong: ("turns", "unknown"),
    async_turns: ("turns", "one-loop"),
    loop_held: ("one-after-another", "loop-held"),
    awaits_in_a_row: ("one-after-another", "await-by-await"),
    sleepers: ("waiting-together", None),
    async_lock: ("one-after-another", "lock"),
    async_relay: ("relay", "hand-over"),
    gather_parents: ("single", None),
    lambda: pool(1): ("one-after-another", "one-worker"),
    lambda: pool(2): ("parallel", None),
    amdahl: ("parallel", None),
    thread_sleepers: ("waiting-together", None),
    many_hands: ("many-hands", None),
    hands_while_waiting: ("many-hands", None),
    sort_like: ("many-hands", None),
    busy_machine: ("turns", "no-free-core"),
    single: ("single", None),
    nothing: ("nothing", None),
    no_contest: ("turns", "no-contest"),
    two_loops: ("both", None),
}
