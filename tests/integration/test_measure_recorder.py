"""The recorder behind ``measure()``: when it begins, whose it is, what its end leaves behind."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap

import pytest

from tests.kit.measuring import BEGIN, LIMIT_S, run
from tests.kit.watched import ROOT, Place, drop_root, twocooks

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
    classes = {id(t): t for t in types_below(object)}  # not by their hash: a class may warn
    found += [t.__name__ for t in classes.values() if inside(id(t) + HEAD, 40)]
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
