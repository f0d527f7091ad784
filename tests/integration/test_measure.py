"""Windows on a running process: ``measure()``, ``measured`` and ``stop``.

Each program runs in a process of its own, without root's rights, and prints one JSON object of
what it saw. Nothing here depends on how fast the machine is: what is asked is who was on the go,
how often, and what is left behind.
"""

from __future__ import annotations

import pytest

from tests.kit.measuring import run
from tests.kit.needs import has_gil, missing
from tests.kit.watched import Place


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
