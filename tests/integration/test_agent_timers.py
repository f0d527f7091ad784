"""What the agent tells of timers that ran out while their loop was held (DUE), against programs
that note when their timers were due; and where it must say nothing."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.kit.arena import Entry, Run, run_watched

HELD = """
import asyncio, json, sys, time

now = time.monotonic
told = {}

async def sleeps(told):
    told["set"] = now(); await asyncio.sleep(0.01)
async def limits(told):
    future = asyncio.get_running_loop().create_future()
    try:
        told["set"] = now(); await asyncio.wait_for(future, 0.01)
    except asyncio.TimeoutError: pass
async def waits(told):
    future = asyncio.get_running_loop().create_future()
    told["set"] = now(); await asyncio.wait([future], timeout=0.01)
async def given(told):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    told["set"] = now(); loop.call_later(0.01, future.set_result, None)
    await future
async def at_a_time(told):
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    told["set"] = now(); loop.call_at(loop.time() + 0.01, event.set)
    await event.wait()

async def noted(name, task):
    told[name] = {}
    # Called when the step is over that set the timer.
    asyncio.get_running_loop().call_soon(lambda: told[name].setdefault("asked", now()))
    await task(told[name])

async def holds():
    await asyncio.sleep(0)  # behind the calls that note the time
    told["held"] = now()
    time.sleep(0.05)
    told["until"] = now()

async def main():
    kinds = {f.__name__: f for f in (sleeps, limits, waits, given, at_a_time)}
    made = [asyncio.create_task(noted(name, task), name=name) for name, task in kinds.items()]
    await asyncio.gather(*made, asyncio.create_task(holds(), name="holds"))
    print(json.dumps(told))

if "uvloop" in sys.argv:
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


def dues(run: Run) -> dict[str, Entry]:
    """The DUE of each named task, which stands just before a READY of it."""
    names: dict[int, str] = {}
    found = {}
    entries = run.thread_of("STEP").entries
    for entry, after in pairwise(entries):
        if entry.name == "TASK_NAME":
            names[entry.value] = entry.parts[0]
        if entry.name == "DUE":
            assert after.name == "READY"
            found.setdefault(names[after.value], entry)
    return found


def test_a_timer_that_ran_out_in_a_hold_says_when_it_was_due() -> None:
    run = run_watched(["-c", HELD])
    told = json.loads(run.stdout)
    late = dues(run)
    for name in ("sleeps", "limits", "waits", "given", "at_a_time"):
        # It was set between two times that the program noted; how late it was is reckoned between
        # the end of the hold and the record.
        first, last = (told[name][when] + 0.01 for when in ("set", "asked"))
        assert late[name].time_ns - late[name].value >= first * 1e9 - 1000, name
        assert told["until"] * 1e9 - late[name].value <= last * 1e9 + 1000, name
        assert late[name].time_ns >= told["until"] * 1e9 - 1000, name
    assert run.entries("TIMERS")
    assert len(run.entries("TIMERS")) == len(run.entries("LOOP"))


def test_timers_of_uvloop_are_not_told() -> None:
    pytest.importorskip("uvloop")
    run = run_watched(["-c", HELD, "uvloop"])
    assert set(json.loads(run.stdout)) >= {"sleeps", "held"}
    assert run.entries("DUE", "TIMERS") == []


OTHERS = """
import asyncio, socket, time

async def woken(future): await future

async def main():
    loop = asyncio.get_running_loop()
    loop.call_later(0.001, time.sleep, 0)  # a timer that wakes nobody
    by_call, by_task = loop.create_future(), loop.create_future()
    a, b = socket.socketpair()
    a.setblocking(False)
    tasks = [asyncio.create_task(woken(by_call)), asyncio.create_task(woken(by_task)),
             asyncio.create_task(loop.sock_recv(a, 1))]
    await asyncio.sleep(0)
    b.send(b"x")
    by_task.set_result(None)
    time.sleep(0.02)
    loop.call_soon(by_call.set_result, None)
    await asyncio.wait(tasks)
"""


def test_who_is_not_woken_by_a_timer_has_no_due_time() -> None:
    run = run_watched(["-c", OTHERS + "\nasyncio.run(main())"])
    assert run.entries("TIMERS")
    assert run.entries("DUE") == []


CLOCKS = {
    "a loop with a time of its own": """
class Slow(asyncio.SelectorEventLoop):
    def time(self): return super().time() / 2
loop = Slow()
""",
    "a loop that was given another time": """
loop = asyncio.new_event_loop()
loop.time = lambda: time.monotonic() - 5
""",
    "a loop with timers of its own": """
class Other(asyncio.SelectorEventLoop):
    def call_at(self, when, *args, **kwargs): return super().call_at(when, *args, **kwargs)
loop = Other()
""",
}

SLEEPS = """
async def main():
    task = asyncio.create_task(asyncio.sleep(0.001))
    await asyncio.sleep(0)
    time.sleep(0.02)
    await task
"""


@pytest.mark.parametrize("clock", CLOCKS)
def test_loops_with_another_clock_or_other_timers_tell_nothing(clock: str) -> None:
    start = "\nloop.run_until_complete(main())"
    run = run_watched(["-c", "import asyncio, time\n" + CLOCKS[clock] + SLEEPS + start])
    assert run.code == 0, run.stderr
    assert len(run.entries("LOOP")) == 1
    assert run.entries("DUE", "TIMERS") == []


def test_a_clock_that_is_frozen_later_is_not_believed() -> None:
    frozen = "    real, time.monotonic = time.monotonic, lambda: real() + 3600\n"
    body = SLEEPS.replace("    time.sleep(0.02)\n", frozen + "    time.sleep(0.02)\n")
    run = run_watched(["-c", "import asyncio, time\n" + body + "\nasyncio.run(main())"])
    assert run.code == 0, run.stderr
    assert run.entries("TIMERS")
    assert run.entries("DUE") == []


def test_loops_of_threads_tell_their_own() -> None:
    program = (
        "import asyncio, threading, time\n" + SLEEPS + "\n"
        "threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
    )
    run = run_watched(["-c", program])
    for thread in run.threads:
        if thread.named("STEP"):
            # The sleeper, held for 20 ms by the step of the other; and no task but that.
            assert any(due.value >= 15_000_000 for due in thread.named("DUE"))
            assert thread.named("TIMERS")
