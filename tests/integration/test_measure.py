"""Windows on a running process: ``measure()``, ``measured`` and ``stop``.

Each program runs in a process of its own, without root's rights, and prints one JSON object of
what it saw. Nothing here depends on how fast the machine is: what is asked is who was on the go,
how often, and what is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.needs import has_gil, missing
from tests.kit.watched import ROOT, Place, drop_root, make_place, twocooks

LIMIT_S = 60
BEGIN = """
import asyncio, hashlib, json, os, sys, threading, time
import twocooks

def burn(cpu_s):
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        sum(range(300))

def hashes(cpu_s):
    data, end = bytes(1 << 20), time.thread_time() + cpu_s
    while time.thread_time() < end:
        hashlib.sha256(data)

def together(function, *arguments, count=2):
    threads = [threading.Thread(target=function, args=arguments) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def say(**what):
    print(json.dumps(what), flush=True)
"""


@pytest.fixture
def place() -> Iterator[Place]:
    import shutil

    made = make_place()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


def wait_for_recorders(of: int) -> None:
    """Until those of this process are gone: the kernel's buffers are shared by all of a user."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if str(of).encode() not in words or not any(b"record.helper" in w for w in words):
                continue
            ended = os.pidfd_open(int(name))
            try:
                assert select.select([ended], [], [], LIMIT_S)[0], "a recorder stays"
            finally:
                os.close(ended)


def run(place: Place, code: str, *, deny: str = "", cwd: bool = False) -> Any:
    """Runs the program to its end; what it printed, as JSON. ``cwd``: in its own folder."""
    file = place.folder / "program.py"
    file.write_text(BEGIN + textwrap.dedent(code))
    refusing = [sys.executable, "-m", "tests.kit.deny_perf", deny] if deny else []
    program = subprocess.Popen(
        [*drop_root(), *refusing, sys.executable, str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=place.folder if cwd else ROOT, env={**place.env, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    out, err = program.communicate(timeout=LIMIT_S)
    wait_for_recorders(program.pid)
    assert program.returncode == 0, err
    assert err == ""
    return json.loads(out)


def test_windows_tell_of_what_was_in_them(place: Place) -> None:
    """Threads that compute, then a window over tasks that only wait."""
    said = run(
        place,
        """
        async def cook():
            for _ in range(5):
                await asyncio.sleep(0.01)

        async def cooks():
            async with twocooks.measure() as m:
                await asyncio.gather(*[asyncio.create_task(cook()) for _ in range(3)])
            return m

        with twocooks.measure() as first:
            together(burn, 0.1)
        second = asyncio.run(cooks())
        with twocooks.measure() as third:
            pass
        say(
            first=first.summary, second=second.summary, third=third.summary,
            report=first.report(), source=first.measured.source,
        )
        """,
    )
    first, second, third = said["first"], said["second"], said["third"]
    assert said["source"] == "kernel"
    assert first["tasks"] == {"count": 2, "by_kind": {"thread": 2}}
    assert 0.15 < first["cpu_s"] < 0.4
    if has_gil():
        assert first["verdict"]["id"] != "parallel"
    assert second["tasks"] == {"count": 3, "by_kind": {"asyncio": 3}}
    assert second["concurrency"]["max"] == 3
    assert second["verdict"]["id"] != "parallel"
    assert third["verdict"]["id"] == "nothing"
    assert third["wall_s"] < first["wall_s"]
    assert "Thread-1" in said["report"]


@pytest.mark.cores
def test_hashing_threads_are_parallel(place: Place, free_cores: None) -> None:
    said = run(
        place,
        """
        with twocooks.measure() as m:
            together(hashes, 0.3)
        say(verdict=m.verdict.id, cause=m.verdict.cause, mean=m.parallelism.mean)
        """,
    )
    if said["cause"] == "no-free-core":
        pytest.skip("cores not free: during the test")
    assert said["verdict"] == "parallel"


def test_numbers_are_attributes_and_what_is_not_there_is_said(place: Place) -> None:
    said = run(
        place,
        """
        m = twocooks.measure()
        errors = []
        def fails(action):
            try:
                action()
            except twocooks.MeasureError as error:
                errors.append(str(error))
        fails(lambda: m.verdict)
        with m:
            together(burn, 0.02)
            fails(lambda: m.verdict)
        fails(lambda: m.start())
        fails(lambda: m.parallelism.median)
        fails(lambda: m.speed)
        fails(lambda: m.finish() or twocooks.measure().finish())
        same = m.parallelism["mean"] == m.parallelism.mean == m.summary["parallelism"]["mean"]
        say(errors=errors, same=same, missing=hasattr(m, "speed"), keys=sorted(m.concurrency),
            waits=[w.reason for w in m.waits], tasks=len(m.task_list), run=m.run.verdict["id"],
            by=m.by("process").summary["tasks"]["count"])
        """,
    )
    assert len(said["errors"]) == 6
    assert "still open" in said["errors"][1]
    assert said["same"]
    assert not said["missing"]
    assert said["keys"] == ["max", "mean", "two_or_more_s"]
    assert said["tasks"] >= 2
    assert said["by"] <= 1


def test_a_kernel_that_denies_its_records(place: Place) -> None:
    """Estimated, with the reason; a window reaches from look to look."""
    said = run(
        place,
        """
        with twocooks.measure() as m:
            together(burn, 0.15)
        with twocooks.measure() as nothing:
            pass
        say(cpu=m.cpu_s, **m.measured, empty=nothing.cpu_s)
        """,
        deny="EACCES",
    )
    assert said["source"] == "schedstat"
    assert not said["exact"]
    assert any("perf_event_open" in note for note in said["notes"])
    assert 0.2 < said["cpu"] < 0.6
    assert said["empty"] < 0.1


LEFT = """
import ctypes, gc, types
import _asyncio, concurrent.futures.process, concurrent.futures.thread, multiprocessing.pool
import numpy  # whose library has threads of its own

HEAD = object.__basicsize__

def inside(address, words):
    found = (ctypes.c_uint64 * words).from_address(address)
    return any(low <= word < high for word in found)

def types_below(type_):
    for below in type.__subclasses__(type_):
        yield below
        yield from types_below(below)

async def wakeup():
    '''The function that wakes a waiting task.'''
    future = asyncio.get_running_loop().create_future()
    async def wait():
        await future
    task = asyncio.create_task(wait())
    while not future._callbacks:
        await asyncio.sleep(0)
    wakes = future._callbacks[0][0]
    future.set_result(None)
    await task
    return wakes

def left(wakes):
    '''What of this process points into the agent.'''
    global low, high
    maps = [line.split()[0].split("-") for line in open("/proc/self/maps") if "_agent." in line]
    low, high = int(maps[0][0], 16), int(maps[-1][1], 16)
    functions = [f for f in gc.get_objects() if type(f) is types.FunctionType]
    found = [f.__qualname__ for f in functions if inside(id(f), type(f).__basicsize__ // 8)]
    found += [t.__name__ for t in set(types_below(object)) if inside(id(t) + HEAD, 40)]
    task = vars(_asyncio.Task)
    found += ["wrapper"] * inside(id(task["__init__"]) + HEAD, 5)
    for method in (_asyncio._set_running_loop, wakes):
        definition = ctypes.c_uint64.from_address(id(method) + HEAD).value
        found += [method.__name__] * inside(definition, 4)
    definition = ctypes.c_uint64.from_address(id(task["set_name"]) + HEAD + 24).value
    found += ["set_name"] * inside(definition, 4)
    return found

def things():
    files = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            files.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            pass  # of the listing itself
    return {
        "files": sorted(files),
        "threads": len(os.listdir("/proc/self/task")),
        "environ": {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "TWOCOOKS_ARENA")},
        "memory": [line.split()[-2] for line in open("/proc/self/maps") if "memfd" in line],
    }
"""


def test_stop_takes_everything_back_and_a_new_window_begins_anew(place: Place) -> None:
    """No pointer into the agent, no file, memory, thread or name in the environment; then again."""
    said = run(
        place,
        LEFT
        + """
async def cooks():
    async with twocooks.measure() as m:
        await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(3)])
    return m

wakes = asyncio.run(wakeup())
before = things()
rounds = []
for _ in range(3):
    m = asyncio.run(cooks())
    asyncio.run(cooks())
    asyncio.run(asyncio.wait_for(asyncio.sleep(0), 10))
    during, hooks = things(), left(wakes)
    first = m.tasks.by_kind.asyncio
    twocooks.stop()
    twocooks.stop()
    del m
    gc.collect()
    rounds.append([hooks, during, first, left(wakes), things()])
say(before=before, rounds=rounds)
""",
    )
    for hooks, during, first, after, things in said["rounds"]:
        assert {"Task", "_find_and_load", "Thread._bootstrap", "wrapper", "set_name"} <= set(hooks)
        assert "_set_running_loop" in hooks
        assert first >= 3
        assert "TWOCOOKS_ARENA" in during["environ"]
        assert after == []
        assert things == said["before"]


def test_a_forked_child_measures_itself(place: Place) -> None:
    """It starts anew, gives its parent's windows no answer, and is in its parent's recording."""
    said = run(
        place,
        """
        with twocooks.measure() as m:
            reads, writes = os.pipe()
            pid = os.fork()
            if pid == 0:
                with twocooks.measure() as own:
                    together(burn, 0.03, count=3)
                m.finish()
                try:
                    m.verdict
                except twocooks.MeasureError as error:
                    refused = str(error)
                told = {"tasks": own.tasks.count, "refused": refused,
                        "own": own.run.trace.meta["pid"] == os.getpid()}
                twocooks.stop()
                os.write(writes, json.dumps(told).encode())
                os._exit(0)
            child = json.loads(os.read(reads, 4096))
            os.waitpid(pid, 0)
            together(burn, 0.03)
        threads = [t.pid for t in m.task_list if t.name.startswith("Thread-")]
        twocooks.stop()
        say(child=child, mine=threads.count(os.getpid()), of_child=threads.count(pid),
            notes=list(m.measured.notes), environ="TWOCOOKS_ARENA" in os.environ)
        """,
    )
    assert said["child"]["tasks"] == 3
    assert said["child"]["own"]
    assert "forked" in said["child"]["refused"]
    assert said["mine"] == 2
    assert any("measured by itself" in note for note in said["notes"])
    assert not said["environ"]


def test_under_another_recorder(place: Place) -> None:
    """`twocooks run` around a program that measures: both tell what they saw."""
    file, trace = place.folder / "inner.py", place.folder / "outer.2cooks"
    file.write_text(
        BEGIN
        + textwrap.dedent(
            """
            before = os.environ["TWOCOOKS_ARENA"]
            with twocooks.measure() as m:
                together(burn, 0.03)
            twocooks.stop()
            together(burn, 0.03)
            kernel = m.measured.source == "kernel"  # its buffers may be all in use
            say(tasks=m.tasks.count if kernel else 2, same=os.environ["TWOCOOKS_ARENA"] == before)
            """
        )
    )
    done = subprocess.run(
        twocooks("run", "-q", "-o", str(trace), str(file)),
        capture_output=True, text=True, env=place.env, cwd=place.folder, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"tasks": 2, "same": True}
    dumped = subprocess.run(twocooks("dump", str(trace)), capture_output=True, text=True)
    assert dumped.stdout.count(" HELLO ") == 2
    assert dumped.stdout.count('NOT_FOLLOWED text="twocooks.measure"') == 1
    assert dumped.stdout.count(" THREAD daemon") == 2


RECORDERS = """
def recorders():
    '''The recorders of this process.'''
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0")
        except OSError:
            continue
        if any(b"record.helper" in word for word in words) and str(os.getpid()).encode() in words:
            found.append(int(pid))
    return found
"""


def test_the_recorder_is_no_child_and_its_end_is_no_harm(place: Place) -> None:
    """The program waits for any child, and gets no signal; then the recorder is killed."""
    said = run(
        place,
        RECORDERS
        + """
import select, signal
signals = []
signal.signal(signal.SIGCHLD, lambda *_: signals.append(1))
with twocooks.measure() as first:
    together(burn, 0.02)
try:
    child = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    child = None
first.tasks
[recorder] = recorders()
watched = os.pidfd_open(recorder)
with twocooks.measure() as second:
    os.kill(recorder, signal.SIGKILL)
    select.select([watched], [], [])
    together(burn, 0.02)
try:
    second.verdict
except twocooks.MeasureError as error:
    why = str(error)
with twocooks.measure() as third:
    together(burn, 0.02)
say(signals=signals, child=child, why=why, third=third.tasks.count, first=first.tasks.count,
    recorders=len(recorders()))
""",
    )
    assert said["signals"] == []
    assert said["child"] is None
    assert "killed" in said["why"]
    assert said["first"] == said["third"] == 2
    assert said["recorders"] == 1


@pytest.mark.parametrize("end", ["sys.exit()", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_the_recorder_ends_with_the_program(place: Place, end: str) -> None:
    """However it ends, and with it the trace, which has no name."""
    file = place.folder / "ending.py"
    file.write_text(
        BEGIN
        + RECORDERS
        + textwrap.dedent(
            f"""
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
            with twocooks.measure() as m:
                pass
            say(recorders=recorders())
            sys.stdin.readline()
            {end}
            """
        )
    )
    program = subprocess.Popen(
        [*drop_root(), sys.executable, str(file)], env={**place.env, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    [recorder] = json.loads(program.stdout.readline())["recorders"]
    watched = os.pidfd_open(recorder)
    program.communicate("\n", timeout=LIMIT_S)
    try:
        assert select.select([watched], [], [], LIMIT_S)[0]
    finally:
        os.close(watched)
    assert [path.name for path in place.folder.iterdir() if path.suffix != ".py"] == []


def test_what_was_going_on_when_the_recorder_came(place: Place) -> None:
    """Threads, workers of a pool, and tasks of two loops that began before the first window: they
    have their names, the step that measures is its task's, and a sleeper is on the go."""
    said = run(
        place,
        """
        from concurrent.futures import ThreadPoolExecutor

        go, slept, over = threading.Event(), threading.Event(), threading.Event()

        def worker():
            go.wait()
            burn(0.03)

        async def elsewhere():
            slept.set()
            while not over.is_set():
                await asyncio.sleep(0.001)

        async def sleeper(until):
            await until

        async def main():
            asyncio.current_task().set_name("measuring")
            until = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(sleeper(until), name="sleeper")
            await asyncio.sleep(0)
            with twocooks.measure() as m:
                burn(0.05)
                await asyncio.sleep(0.02)
                until.set_result(None)
                await task
            return m

        threads = [threading.Thread(target=worker, name=f"old {n}") for n in (1, 2)]
        other = threading.Thread(
            target=lambda: asyncio.run(asyncio.wait_for(elsewhere(), 50)), name="loop"
        )
        for thread in [*threads, other]:
            thread.start()
        pool = ThreadPoolExecutor(2)
        pool.submit(int).result()
        slept.wait()
        first = asyncio.run(main())
        over.set()
        other.join()
        with twocooks.measure() as second:
            go.set()
            for thread in threads:
                thread.join()
            pool.submit(burn, 0.03).result()
        loops = [loop.thread for loop in first.loops()]
        kept = [{t.name: [t.kind, t.hands_on_s] for t in m.task_list} for m in (first, second)]
        say(first=kept[0], second=kept[1], loops=loops)
        """,
    )
    first, second = said["first"], said["second"]
    assert first["measuring"][1] > 0.045
    assert first["sleeper"][0] == "asyncio"
    assert len([name for name in first if first[name][0] == "asyncio"]) >= 3
    assert not any(name.startswith("task ") for name in first)
    assert sorted(said["loops"]) == ["loop", "main"]
    for name, kind in (("old 1", "thread"), ("old 2", "thread"), ("burn", "item")):
        assert second[name][0] == kind
        assert second[name][1] > 0.02


def test_windows_nest_and_overlap_and_share_one_recorder(place: Place) -> None:
    """In one thread, in two, and hundreds of them: no more files, no other recorder."""
    said = run(
        place,
        RECORDERS
        + """
def files():
    return len(os.listdir("/proc/self/fd"))

with twocooks.measure() as outer:
    with twocooks.measure() as inner:
        together(burn, 0.02)
    together(burn, 0.02)
first = twocooks.measure().start()
done = []
def other():
    with twocooks.measure() as m:
        together(burn, 0.02)
    done.append(m)
thread = threading.Thread(target=other)
thread.start()
first.finish()
thread.join()
before, recorder = files(), recorders()
for _ in range(300):
    with twocooks.measure():
        pass
many = files()
counts = [m.tasks.by_kind.thread for m in (outer, inner, done[0])]
shared = len({id(m.run.recording) for m in (outer, inner, first)})
say(counts=counts, before=before, many=many, shared=shared,
    same=recorder == recorders() and len(recorder) == 1,
    inside=outer.window_ns[0] <= inner.window_ns[0] <= inner.window_ns[1] <= outer.window_ns[1])
""",
    )
    outer, inner, other = said["counts"]
    assert outer == 4
    assert inner == 2
    assert other >= 2
    assert said["many"] == said["before"]
    assert said["same"]
    assert said["shared"] == 1
    assert said["inside"]


def test_a_recording_that_is_slow_to_read_is_begun_anew(place: Place) -> None:
    """When all windows were asked, and not before: the next ones have their names all the same."""
    said = run(
        place,
        RECORDERS
        + """
from twocooks import _measure
_measure.DEAR_S, _measure.LARGE = -1.0, 0
go = threading.Event()
old = threading.Thread(target=lambda: (go.wait(), burn(0.02)), name="old")
old.start()
with twocooks.measure() as first:
    together(burn, 0.02)
one = recorders()
kept = twocooks.measure()
with kept:
    pass
first.tasks
with twocooks.measure() as second:
    together(burn, 0.02)
two = recorders()
kept.verdict, second.verdict
with twocooks.measure() as third:
    go.set()
    old.join()
three = recorders()
say(same=one == two, anew=two != three, count=len(three), names=[t.name for t in third.task_list],
    again=first.by("thread").summary["tasks"]["count"])
""",
    )
    assert said["same"]
    assert said["anew"]
    assert said["count"] == 1
    assert "old" in said["names"]
    assert said["again"] >= 2


def test_the_decorator(place: Place) -> None:
    """Sync and async functions, with their results, errors, names; no generators."""
    said = run(
        place,
        """
        seen = []

        @twocooks.measured(then=seen.append)
        def cook(count):
            "cooks"
            together(burn, 0.02, count=count)
            return count

        @twocooks.measured
        async def cook_later():
            await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(2)])
            raise ValueError("burnt")

        result = cook(2), cook(3)
        try:
            asyncio.run(cook_later())
        except ValueError as error:
            burnt = str(error)
        try:
            @twocooks.measured
            def generator():
                yield
        except TypeError as error:
            refused = str(error)
        say(result=result, burnt=burnt, name=cook.__name__, doc=cook.__doc__, refused=refused,
            tasks=[m.tasks.by_kind.thread for m in seen], last=cook.measurement is seen[1],
            later=cook_later.measurement.tasks.by_kind.asyncio)
        """,
    )
    assert said["result"] == [2, 3]
    assert said["burnt"] == "burnt"
    assert (said["name"], said["doc"]) == ("cook", "cooks")
    assert "generators" in said["refused"]
    assert said["tasks"] == [2, 3]
    assert said["last"]
    assert said["later"] >= 2


def test_threads_that_begin_while_the_recorder_comes(place: Place) -> None:
    """Makers at work all the time: whoever is alive in the window is there, once, and the sums of
    what was recorded agree with the kernel's clock."""
    said = run(
        place,
        """
        over, rounds = threading.Event(), [0, 0, 0]

        def maker(number):
            while not over.is_set():
                thread = threading.Thread(target=burn, args=(0.001,), name="made")
                thread.start()
                burn(0.002)
                thread.join()
                rounds[number] += 1

        makers = [threading.Thread(target=maker, args=(n,), name=f"maker {n}") for n in range(3)]
        for thread in makers:
            thread.start()
        with twocooks.measure() as m:
            begun, enough = time.thread_time(), [count + 5 for count in rounds]
            burn(0.05)
            mine = time.thread_time() - begun
            while any(count < least for count, least in zip(rounds, enough)):
                time.sleep(0.001)
        over.set()
        for thread in makers:
            thread.join()
        m.save("threads.2cooks")
        say(makers=[t.name for t in m.task_list if t.name.startswith("maker")],
            hands=[t.hands_on_s for t in m.task_list if t.name == "main"], mine=mine)
        """,
        cwd=True,
    )
    assert sorted(said["makers"]) == ["maker 0", "maker 1", "maker 2"]
    assert len(said["hands"]) == 1
    assert said["hands"][0] > 0.9 * said["mine"]
    checked = subprocess.run(
        twocooks("check", str(place.folder / "threads.2cooks")), capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
    assert "is sound" in checked.stdout


@pytest.mark.skipif(bool(missing("trio")), reason="trio is not installed")
def test_a_run_of_trio_that_goes_on(place: Place) -> None:
    """The first window begins inside of it, and another one after stop(): each task once."""
    said = run(
        place,
        """
        import trio

        async def sleeper(until):
            await until.wait()

        async def cook():
            for _ in range(3):
                await trio.sleep(0.005)

        async def cooks(count):
            async with twocooks.measure() as m:
                burn(0.02)
                async with trio.open_nursery() as nursery:
                    for _ in range(count):
                        nursery.start_soon(cook)
            return m

        async def main():
            until = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sleeper, until)
                await trio.sleep(0)
                first = await cooks(2)
                twocooks.stop()
                second = await cooks(3)
                until.set()
            return first, second

        windows = trio.run(main)
        tasks = [[t for t in m.task_list if t.kind == "trio"] for m in windows]
        names = [[t.name.rpartition(".")[2] for t in of] for of in tasks]
        hands = [t.hands_on_s for of in tasks for t in of if t.name.endswith("main")]
        say(tasks=names, hands=hands)
        """,
    )
    for tasks, cooks in zip(said["tasks"], (2, 3), strict=True):
        assert tasks.count("cook") == cooks
        assert tasks.count("sleeper") == 1
        assert tasks.count("main") == 1
    assert len(said["hands"]) == 2
    assert min(said["hands"]) > 0.018
