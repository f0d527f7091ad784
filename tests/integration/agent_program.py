"""A program for test_agent_steps: tasks of all sorts, whose exact number of steps can be counted.

With "truth" it runs on the Task written in Python, whose steps it counts itself, and prints the
counts as JSON. With "loop" it runs as everybody's program does, with "python" on the Task written
in Python, with "threads" in four threads at once.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading

counts = {"tasks": 0, "steps": 0}


def use_python_tasks() -> None:
    """All of asyncio on the Task written in Python, with the helpers that belong to it."""
    for name in dir(asyncio.tasks):
        if name.startswith("_py_"):
            for known_as in (name.removeprefix("_py_"), name.removeprefix("_py")):
                if hasattr(asyncio.tasks, known_as):
                    setattr(asyncio.tasks, known_as, getattr(asyncio.tasks, name))
    asyncio.current_task = asyncio.tasks.current_task
    asyncio.Task = asyncio.tasks.Task = asyncio.tasks._PyTask


def count_python_tasks() -> None:
    kind = asyncio.tasks._PyTask

    def counted(name: str, key: str) -> None:
        original = getattr(kind, name)

        def call(*args, **kwargs):
            counts[key] += 1
            return original(*args, **kwargs)

        setattr(kind, name, call)

    counted("__init__", "tasks")
    counted("_Task__step", "steps")
    if hasattr(kind, "_Task__eager_start"):
        counted("_Task__eager_start", "steps")
    use_python_tasks()


async def yields(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def waits(event):
    await event.wait()


async def fails():
    await asyncio.sleep(0)
    raise ValueError


async def cancelled():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        raise


async def five():
    return 5


async def blocks():
    await asyncio.sleep(0.001)
    return 6


async def nested():
    first, second = asyncio.create_task(five()), asyncio.create_task(blocks())
    await second
    return await first


async def swallow(task):
    with contextlib.suppress(ValueError, asyncio.CancelledError, TimeoutError):
        await task


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[yields(100) for _ in range(10)])
    event = asyncio.Event()
    waiting = [asyncio.create_task(waits(event)) for _ in range(5)]
    await asyncio.sleep(0)
    event.set()
    await asyncio.gather(*waiting)
    await swallow(asyncio.create_task(fails()))
    late = asyncio.create_task(cancelled())
    await asyncio.sleep(0)
    late.cancel()
    await swallow(late)
    early = asyncio.create_task(cancelled())
    early.cancel()
    await swallow(early)
    async with asyncio.TaskGroup() as group:
        for i in range(3):
            group.create_task(asyncio.sleep(0.001), name=f"n{i}")
    await swallow(asyncio.wait_for(asyncio.sleep(1000), 0.001))

    class Plain(asyncio.Task):
        pass

    class WithInit(asyncio.Task):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    await Plain(yields(3), loop=loop)
    await WithInit(yields(3), loop=loop)
    if hasattr(asyncio, "create_eager_task_factory") and "uvloop" not in sys.argv:
        loop.set_task_factory(asyncio.create_eager_task_factory(asyncio.Task))
        assert await asyncio.create_task(five()) == 5
        assert await asyncio.create_task(blocks()) == 6
        assert await asyncio.create_task(nested()) == 5
        loop.set_task_factory(None)


def run():
    if "uvloop" in sys.argv:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    else:
        asyncio.run(main())


if __name__ == "__main__":
    if "truth" in sys.argv:
        count_python_tasks()
        run()
        print(json.dumps(counts))
    elif "threads" in sys.argv:
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while len(os.listdir("/proc/self/task")) > 1:  # join returns before their last breath
            os.sched_yield()
    else:
        if "python" in sys.argv:
            use_python_tasks()
        run()
