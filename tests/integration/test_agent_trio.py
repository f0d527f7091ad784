"""The agent's events of trio and anyio: exact counts, and what their tasks wait for."""

from __future__ import annotations

import json

import pytest

from tests.integration.test_agent_steps import ENDS, check_story, stories
from tests.kit.arena import Run, run_watched
from twocooks.model import Wait

COUNTED = """
import json, trio

counts = {"tasks": 0, "steps": 0, "done": 0}

class Counter(trio.abc.Instrument):
    def task_spawned(self, task): counts["tasks"] += 1
    def before_task_step(self, task): counts["steps"] += 1
    def task_exited(self, task): counts["done"] += 1

async def yields(n):
    for _ in range(n): await trio.lowlevel.checkpoint()

async def fails():
    await trio.lowlevel.checkpoint()
    raise ValueError

async def nested():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(yields, 3)

async def started(task_status=trio.TASK_STATUS_IGNORED):
    task_status.started(1)
    await trio.sleep(0.001)

async def main():
    async with trio.open_nursery() as nursery:
        for n in range(10): nursery.start_soon(yields, 100)
        nursery.start_soon(nested)
        await nursery.start(started)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fails)
    except* ValueError: pass
    with trio.move_on_after(0.001): await trio.sleep_forever()
    await trio.to_thread.run_sync(int)

for _ in range(2): trio.run(main, instruments=[Counter()])
print(json.dumps(counts))
"""

WAITS = """
import os, sys, trio

class Status:
    def started(self, child): child_runs.set()

async def thread(): await trio.to_thread.run_sync(int)
async def process():
    await trio.run_process(["cat"], stdin=quiet, task_status=Status())
    os.close(quiet)
async def children():
    async with trio.open_nursery() as nursery: nursery.start_soon(trio.sleep, 0.001)
async def lock(it):
    async with it: pass
async def condition(it):
    async with it: await it.wait()

async def main():
    async def alone(function, *args, then=None):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(function, *args, name=f"told {function.__name__}")
            await trio.testing.wait_all_tasks_blocked()
            if then: await then()
    async def soon(function, *args): function(*args)
    await alone(thread)
    async def end_of_process():  # not before it is waited for
        await child_runs.wait()
        await trio.testing.wait_all_tasks_blocked()
        os.close(still)
    await alone(process, then=end_of_process)
    await alone(children)
    await alone(trio.sleep, 0.001)
    for tool in trio.Lock(), trio.Semaphore(1), trio.CapacityLimiter(1):
        await tool.acquire()
        await alone(lock, tool, then=lambda: soon(tool.release))
    event = trio.Event()
    async def wait(): await event.wait()
    await alone(wait, then=lambda: soon(event.set))
    send, receive = trio.open_memory_channel(0)
    async def get(): await receive.receive()
    await alone(get, then=lambda: send.send(1))
    a, b = trio.socket.socketpair()
    async def read(): await a.recv(1)
    await alone(read, then=lambda: b.send(b"x"))
    a.close(), b.close()

import trio.testing
child_runs = trio.Event()
quiet, still = os.pipe()
trio.run(main)
"""

ANYIO_WAITS = """
import anyio, anyio.to_thread, functools, sys

async def thread(): await anyio.to_thread.run_sync(int)
async def children():
    async with anyio.create_task_group() as group: group.start_soon(anyio.sleep, 0.001)
async def lock(it):
    async with it: pass

async def main():
    async def alone(function, *args, then=None):
        async with anyio.create_task_group() as group:
            group.start_soon(function, *args, name=f"told {function.__name__}")
            await anyio.wait_all_tasks_blocked()
            if then: then()
    await alone(thread)
    await alone(children)
    for tool in anyio.Lock(), anyio.Semaphore(1), anyio.CapacityLimiter(1):
        await tool.acquire()
        await alone(lock, tool, then=tool.release)
    event = anyio.Event()
    async def wait(): await event.wait()
    await alone(wait, then=event.set)

anyio.run(main, backend=sys.argv[1])
"""


def waits_of(run: Run) -> dict[str, set[Wait]]:
    """What each task with a name "told ..." said at the ends of its steps."""
    told: dict[str, set[Wait]] = {}
    for thread in run.threads:
        names: dict[int, str] = {}
        stack: list[int] = []
        for entry in thread.entries:
            if entry.name == "TASK_NEW":
                names.pop(entry.value, None)
            if entry.name == "TASK_NAME":
                names[entry.value] = entry.parts[0]
            if entry.name == "STEP":
                stack.append(entry.value)
            if entry.name in ENDS:
                name = names.get(stack.pop(), "")
                if name.startswith("told ") and entry.name == "STEP_END":
                    told.setdefault(name.removeprefix("told "), set()).add(Wait(entry.value))
    return told


def test_every_task_and_step_of_trio_is_told_exactly_once() -> None:
    pytest.importorskip("trio")
    run = run_watched(["-c", COUNTED])
    expected = json.loads(run.stdout)
    assert expected["steps"] > 2000
    assert len(run.entries("TASK_NEW")) == expected["tasks"]
    assert len(run.entries("STEP")) == len(run.entries(*ENDS)) == expected["steps"]
    assert len(run.entries("STEP_DONE")) == expected["done"] == expected["tasks"]
    assert {entry.parts[4] for entry in run.entries("TASK_NAME")} == {"trio"}
    told = stories(run.thread_of("STEP"))
    assert len(told) == expected["tasks"]
    for story in told:
        check_story(story)
    assert len(run.entries("LOOP")) == len(run.entries("LOOP_END")) == 2
    assert [e.parts[0] for e in run.entries("ITEM_NEW")] == ["int", "int"]
    assert len(run.entries("ITEM")) == len(run.entries("ITEM_END")) == 2


def test_what_tasks_of_trio_wait_for() -> None:
    pytest.importorskip("trio")
    run = run_watched(["-c", WAITS])
    assert waits_of(run) == {
        "thread": {Wait.EXECUTOR},
        "process": {Wait.EXECUTOR, Wait.GROUP},
        "children": {Wait.GROUP},
        "sleep": {Wait.SLEEP},
        "lock": {Wait.LOCK},
        "wait": {Wait.RESULT},
        "get": {Wait.RESULT},
        "read": {Wait.IO},
    }


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_tasks_of_anyio_wait_for(backend: str) -> None:
    pytest.importorskip("anyio")
    pytest.importorskip(backend)
    run = run_watched(["-c", ANYIO_WAITS, backend])
    assert waits_of(run) == {
        "thread": {Wait.EXECUTOR},
        "children": {Wait.GROUP},
        "lock": {Wait.LOCK},
        "wait": {Wait.RESULT},
    }
    assert [e.parts[0] for e in run.entries("ITEM_NEW")] == ["int"]
    assert len(run.entries("ITEM")) == len(run.entries("ITEM_END")) == 1


ANYIO_PATCHED = """
import anyio, anyio.to_thread, threading
from unittest import mock

async def main():
    worker = await anyio.to_thread.run_sync(threading.current_thread)
    before, calls = worker.queue.put_nowait, []
    def put(item):
        calls.append(item)
        before(item)
    with mock.patch.object(worker.queue, "put_nowait", side_effect=put):
        assert await anyio.to_thread.run_sync(int) == 0
    assert len(calls) == 1, calls
    assert await anyio.to_thread.run_sync(str) == ""
    assert len(calls) == 1, calls
    assert "put_nowait" not in vars(worker.queue)

anyio.run(main)
"""


def test_a_program_may_put_its_own_method_into_a_workers_queue() -> None:
    """And call what was there before: it is not what is there now."""
    pytest.importorskip("anyio")
    run = run_watched(["-c", ANYIO_PATCHED])
    assert len(run.entries("ITEM")) == len(run.entries("ITEM_END")) >= 2


GUEST = """
import asyncio, trio

async def child():
    for _ in range(5): await trio.sleep(0)
    return "cooked"

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
    return await child()

async def host():
    loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=done.set_result,
    )
    return (await done).unwrap()

print(asyncio.run(host()))
"""


def test_a_guest_run_on_asyncio_tells_the_tasks_of_both() -> None:
    pytest.importorskip("trio")
    run = run_watched(["-c", GUEST])
    assert run.stdout == "cooked\n"
    thread = run.thread_of("STEP")
    for story in stories(thread):
        check_story(story)
    kinds = {entry.parts[4] if len(entry.parts) > 4 else "" for entry in thread.named("TASK_NAME")}
    assert kinds == {"", "trio"}
    assert len(thread.named("LOOP")) == len(thread.named("LOOP_END"))


FORKS = """
import os, trio

async def main():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

trio.run(main)
"""


def test_a_fork_inside_a_step_ends_nothing_in_the_child() -> None:
    pytest.importorskip("trio")
    run = run_watched(["-c", FORKS])
    (thread,) = [t for t in run.threads if t.named("STEP")]
    assert len(thread.named("STEP")) == len(thread.named(*ENDS))
    assert not [t for t in run.threads if t.pid != thread.pid and t.named(*ENDS, "LOOP_END")]
