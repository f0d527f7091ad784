"""The agent's asyncio events against exact counts, and what it says of waits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.kit.arena import Entry, Run, Thread, run_watched
from twocooks.model import Wait

PROGRAM = str(Path(__file__).with_name("agent_program.py"))
ENDS = ("STEP_END", "STEP_YIELD", "STEP_DONE")


def truth(*how: str) -> dict[str, int]:
    """Tasks and steps as the program counts them on the Task written in Python."""
    done = subprocess.run(
        [sys.executable, PROGRAM, "truth", *how], capture_output=True, text=True, check=True
    )
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def stories(thread: Thread) -> list[list[str]]:
    """Per task its events in order: N(ew), R(eady), S(tep), E(nd), Y(ield), D(one)."""
    letters = {"TASK_NEW": "N", "READY": "R", "STEP": "S"}
    alive: dict[int, list[str]] = {}
    finished: list[list[str]] = []
    stack: list[int] = []
    for entry in thread.entries:
        if entry.name == "TASK_NEW" and entry.value in alive:
            finished.append(alive.pop(entry.value))
        if entry.name in letters:
            alive.setdefault(entry.value, []).append(letters[entry.name])
        if entry.name == "STEP":
            stack.append(entry.value)
        if entry.name in ENDS:
            alive[stack.pop()].append(entry.name[5])
    assert stack == []
    return finished + list(alive.values())


def check_story(story: list[str], ready_told: bool = True) -> None:
    """Each task is made once, and each step but an eager one has exactly one reason to begin."""
    state = "nothing"
    follows = {
        ("nothing", "N"): "made",
        ("made", "R"): "ready",
        ("made", "S"): "in step",  # eager
        ("ready", "S"): "in step",
        ("in step", "E"): "waiting",
        ("in step", "Y"): "ready",
        ("in step", "D"): "done",
        ("waiting", "R"): "ready",
    }
    if not ready_told:
        follows["waiting", "S"] = "in step"
    for letter in story:
        assert (state, letter) in follows, (state, letter, "".join(story))
        state = follows[state, letter]
    assert state == "done", "".join(story)


@pytest.mark.parametrize("how", ["loop", "python"])
def test_every_task_and_step_is_told_exactly_once(how: str) -> None:
    run = run_watched([PROGRAM, how])
    expected = truth()
    assert len(run.entries("TASK_NEW")) == expected["tasks"]
    assert len(run.entries("STEP")) == expected["steps"]
    assert len(run.entries(*ENDS)) == expected["steps"]
    told = stories(run.thread_of("STEP"))
    assert len(told) == expected["tasks"]
    # 3.11 calls Python from Python without passing through C: call_soon is not seen there.
    ready_told = how == "loop" or sys.version_info >= (3, 12)
    for story in told:
        check_story(story, ready_told)


def test_uvloop_is_told_as_exactly() -> None:
    pytest.importorskip("uvloop")
    run = run_watched([PROGRAM, "loop", "uvloop"])
    expected = truth("uvloop")
    assert len(run.entries("TASK_NEW")) == expected["tasks"]
    assert len(run.entries("STEP")) == expected["steps"]
    for story in stories(run.thread_of("STEP")):
        check_story(story)


def test_four_loops_in_four_threads_are_four_times_as_much() -> None:
    run = run_watched([PROGRAM, "threads"])
    expected = truth()
    threads = [thread for thread in run.threads if thread.named("STEP")]
    assert [len(thread.named("STEP")) for thread in threads] == [expected["steps"]] * 4
    for thread in threads:
        assert thread.closed
        for story in stories(thread):
            check_story(story)
    assert len(run.entries("LOOP")) == len(run.entries("LOOP_END")) > 0


def test_time_never_goes_back_within_a_thread() -> None:
    run = run_watched([PROGRAM, "threads"])
    for thread in run.threads:
        times = [entry.time_ns for entry in thread.entries]
        assert times == sorted(times)


WAITS = """
import asyncio, sys, socket, time

async def named(name, coroutine):
    await asyncio.create_task(coroutine, name=name)

async def lock_wait(lock):
    async with lock: pass

async def with_agen():
    async def agen():
        await asyncio.sleep(0.001)
        yield 1
    async for _ in agen(): pass

async def iterator():
    class Custom:
        def __await__(self):
            return asyncio.sleep(0.001).__await__()
    await Custom()

async def main():
    loop = asyncio.get_running_loop()
    some = asyncio.create_task(asyncio.sleep(0.001))
    async def awaits(it): await it
    await named("task", awaits(some))
    some = asyncio.create_task(asyncio.sleep(0.001))
    await named("shield", awaits(asyncio.shield(some)))
    async def gathers(): await asyncio.gather(asyncio.sleep(0.001), asyncio.sleep(0.001))
    await named("gather", gathers())
    async def groups():
        async with asyncio.TaskGroup() as group: group.create_task(asyncio.sleep(0.001))
    await named("group", groups())
    async def waits(): await asyncio.wait([asyncio.create_task(asyncio.sleep(0.001))])
    await named("wait", waits())
    async def completes():
        for one in asyncio.as_completed([asyncio.sleep(0.001)]): await one
    await named("as_completed", completes())
    for name, tool in (("lock", asyncio.Lock()), ("semaphore", asyncio.Semaphore(1))):
        await tool.acquire()
        loop.call_later(0.001, tool.release)
        await named(name, lock_wait(tool))
    event, queue = asyncio.Event(), asyncio.Queue()
    loop.call_later(0.001, event.set)
    await named("event", event.wait())
    loop.call_later(0.001, queue.put_nowait, 1)
    await named("queue", queue.get())
    queue.put_nowait(1); queue.get_nowait()
    loop.call_later(0.001, queue.task_done)
    loop.call_later(0.001, queue.task_done)
    await named("join", queue.join())
    await named("sleep", asyncio.sleep(0.001))
    await named("deep sleep", with_agen())
    await named("custom sleep", iterator())
    await named("to_thread", asyncio.to_thread(time.sleep, 0.01))
    async def executor(): await loop.run_in_executor(None, time.sleep, 0.01)
    await named("run_in_executor", executor())
    async def bare():
        future = loop.create_future()
        loop.call_later(0.001, future.set_result, None)
        await future
    await named("bare", bare())
    a, b = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=a)
    loop.call_later(0.001, b.send, b"x")
    await named("stream", reader.read(1))
    c, d = socket.socketpair()
    c.setblocking(False)
    loop.call_later(0.001, d.send, b"x")
    await named("sock_recv", loop.sock_recv(c, 1))
    async def timed(): await asyncio.wait_for(asyncio.sleep(0.001), 1)
    await named("wait_for", timed())
    writer.close()
asyncio.run(main())
"""

EXPECTED = {
    "task": Wait.TASK,
    "shield": Wait.TASK,
    "gather": Wait.GATHER,
    "group": Wait.GROUP,
    "wait": Wait.GROUP,
    "as_completed": Wait.GROUP,
    "lock": Wait.LOCK,
    "semaphore": Wait.LOCK,
    "event": Wait.RESULT,
    "queue": Wait.RESULT,
    "join": Wait.RESULT,
    "sleep": Wait.SLEEP,
    "deep sleep": Wait.SLEEP,
    "custom sleep": Wait.SLEEP,
    "to_thread": Wait.EXECUTOR,
    "run_in_executor": Wait.EXECUTOR,
    "bare": Wait.UNKNOWN,
    "stream": Wait.IO,
    "sock_recv": Wait.IO,
    # Before 3.12 wait_for makes a task of what it waits for, since then it awaits it itself.
    "wait_for": Wait.SLEEP if sys.version_info >= (3, 12) else Wait.GROUP,
}


def first_waits(run: Run) -> dict[str, Wait]:
    """What each task said when it waited first, by its last name."""
    names: dict[int, str] = {}
    found: dict[int, list[Wait]] = defaultdict(list)
    stack: list[int] = []
    waits: dict[str, Wait] = {}

    def settle(task: int) -> None:
        if task in names and found.get(task):
            waits[names[task]] = found[task][0]
        names.pop(task, None)
        found.pop(task, None)

    def take(entry: Entry) -> None:
        if entry.name == "TASK_NEW":
            settle(entry.value)
        elif entry.name == "TASK_NAME":
            names[entry.value] = entry.parts[0]
        elif entry.name == "STEP":
            stack.append(entry.value)
        elif entry.name in ENDS:
            task = stack.pop()
            if entry.name == "STEP_END":
                found[task].append(Wait(entry.value))

    for entry in run.thread_of("STEP").entries:
        take(entry)
    for task in list(names):
        settle(task)
    return waits


def test_a_wait_is_named_by_what_it_waits_for() -> None:
    waits = first_waits(run_watched(["-c", WAITS]))
    assert {name: waits.get(name) for name in EXPECTED} == EXPECTED


def test_names_of_tasks_come_with_function_and_place(tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    script.write_text(
        "import asyncio\n"
        "async def chop(): pass\n"
        "async def main():\n"
        "    task = asyncio.create_task(chop(), name='on\\x1fions \\udcff\\ud800')\n"
        "    task.set_name('rice')\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    names = [entry.parts for entry in run_watched([str(script)]).entries("TASK_NAME")]
    assert names[0][1:] == ["main", str(script), "3"]
    chops = [parts for parts in names if parts[1] == "chop"]
    assert all(parts[1:] == ["chop", str(script), "2"] for parts in chops)
    # Lone surrogates come as the bytes they would be in UTF-8, escaped one by one.
    assert [parts[0] for parts in chops[-2:]] == ["on ions \udcff\udced\udca0\udc80", "rice"]


def test_an_interrupted_step_ends_and_the_interrupt_goes_on() -> None:
    program = """
import asyncio
async def stops():
    await asyncio.sleep(0)
    raise KeyboardInterrupt("mine")
async def main():
    await asyncio.create_task(stops())
try:
    asyncio.run(main())
except KeyboardInterrupt as error:
    print(type(error).__name__)
"""
    run = run_watched(["-c", program])
    assert run.stdout == "KeyboardInterrupt\n"
    assert len(run.entries("STEP")) == len(run.entries(*ENDS))
    assert all(story[-1] == "D" for story in stories(run.thread_of("STEP")))


def test_a_child_forked_within_a_step_says_nothing_of_that_step() -> None:
    program = """
import asyncio, os
async def main():
    pid = os.fork()
    if pid == 0:
        return
    os.waitpid(pid, 0)
asyncio.run(main())
"""
    run = run_watched(["-W", "ignore", "-c", program])
    parent, child = sorted({t.pid for t in run.threads}, key=lambda p: p != run.entries("STEP")[0])
    for thread in run.threads:
        stories(thread)  # asserts that steps and ends match within each process
    greetings = run.entries("HELLO")
    assert [hello.fields[1] & 2 for hello in greetings] == [0, 2]
    assert parent != child


NESTED = """
import asyncio, nest_asyncio
nest_asyncio.apply()

async def leaf(n):
    for _ in range(n): await asyncio.sleep(0)
    return n

def library(): return asyncio.get_event_loop().run_until_complete(leaf(3))

async def main():
    other = asyncio.create_task(leaf(5))
    return library() + await other

print(asyncio.run(main()))
"""


def test_nested_loops_of_nest_asyncio_tell_every_step() -> None:
    pytest.importorskip("nest_asyncio")
    run = run_watched(["-c", NESTED])
    assert run.stdout == "8\n"
    told = stories(run.thread_of("STEP"))
    steps = sorted(story.count("S") for story in told)
    assert steps[-2:] == [4, 6] or steps[-3:-1] == [4, 6], told
    for story in told:
        assert story[-1] == "D", told


INSIDE = """
import asyncio
from asyncio import events, tasks

async def leaf(n):
    for _ in range(n): await asyncio.sleep(0)

async def refused():
    loop = asyncio.new_event_loop()
    try:
        loop.run_forever()
    except RuntimeError as error:
        print(error)
    loop.close()

async def main():
    outer, me = events._get_running_loop(), asyncio.current_task()
    tasks._leave_task(outer, me)
    events._set_running_loop(None)
    asyncio.run(leaf(3))
    events._set_running_loop(outer)
    tasks._enter_task(outer, me)
    await leaf(2)

for call in main, refused:
    asyncio.new_event_loop().run_until_complete(call())
"""


def test_a_loop_that_runs_inside_a_step_is_a_part_of_the_step() -> None:
    """Whoever takes the running loop away inside a step: it ends when its ``run`` does. CPython
    3.13.0 takes it away by itself, where ``run_forever`` refuses."""
    run = run_watched(["-W", "ignore", "-c", INSIDE])
    assert run.stdout == "Cannot run the event loop while another loop is running\n"
    thread = run.thread_of("STEP")
    for story in stories(thread):
        assert story[-1] == "D", story
    change = {"STEP": 1} | dict.fromkeys(ENDS, -1)
    depth = 0
    for entry in thread.entries:
        depth += change.get(entry.name, 0)
        assert depth == 0 or not entry.name.startswith("LOOP"), entry
    assert len(thread.named("LOOP")) == len(thread.named("LOOP_END")) == 2


EAGER = """
import asyncio

async def leaf(n):
    for _ in range(n): await asyncio.sleep(0)

async def main():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(*(leaf(n) for n in range(4)))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_make_their_first_step_inside_their_maker() -> None:
    run = run_watched(["-c", EAGER])
    told = stories(run.thread_of("STEP"))
    for story in told:
        check_story(story)
    assert [story for story in told if story == ["N", "S", "D"]], told
    eager = [story for story in told if story[:2] == ["N", "S"]]
    assert sorted(story.count("S") for story in eager)[:4] == [1, 2, 3, 4]
