"""Threads, pools, processes, blocks: what the agent says against what the program did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.kit.arena import Run, run_watched

PROGRAM = str(Path(__file__).with_name("agent_pools.py"))
METHODS = ("fork", "spawn", "forkserver")


def function_names(run: Run, event: str) -> Counter[str]:
    return Counter(entry.parts[0] for entry in run.entries(event))


def check_items(run: Run, given: int, done: int) -> None:
    """``given`` pieces were told when given, ``done`` were begun, each once, each ended."""
    new = [entry.value for entry in run.entries("ITEM_NEW")]
    begun = [entry.value for entry in run.entries("ITEM")]
    assert len(new) == len(set(new)) == given
    assert len(begun) == len(set(begun)) == done
    assert set(new) <= set(begun)
    order = {entry.value: entry.time_ns for entry in run.entries("ITEM_NEW")}
    assert all(order[e.value] <= e.time_ns for e in run.entries("ITEM") if e.value in order)
    for thread in run.threads:  # no worker has two pieces in hand
        story = thread.named("ITEM", "ITEM_END")
        assert [e.name for e in story] == ["ITEM", "ITEM_END"] * (len(story) // 2)
        assert [e.value for e in story[::2]] == [e.value for e in story[1::2]]


def test_items_of_a_thread_pool() -> None:
    run = run_watched([PROGRAM, "threads"])
    assert run.stdout == "[0, 2, 4, 6, 8, 'ValueError(1)']\n"
    check_items(run, 6, 6)
    assert function_names(run, "ITEM_NEW") == {"work": 5, "fails": 1}
    assert {entry.fields[1] for entry in run.entries("ITEM_NEW")} == {1}
    names = {entry.parts[0] for entry in run.entries("THREAD")}
    assert names == {entry.parts[0] for entry in run.entries("THREAD_END")}
    assert all(name.startswith("ThreadPoolExecutor-0_") for name in names)


@pytest.mark.parametrize("method", METHODS)
def test_items_of_a_process_pool(method: str) -> None:
    run = run_watched([PROGRAM, f"executor:{method}"])
    assert run.stdout == "[0, 2, 4, 6, 8, 'ValueError(1)']\n"
    check_items(run, 6, 6)
    assert function_names(run, "ITEM") == {"work": 5, "fails": 1}
    assert {entry.fields[1] for entry in run.entries("ITEM_NEW")} == {2}
    parent = run.entries("HELLO")[0]
    workers = {t.pid for t in run.threads if t.named("ITEM")}
    assert run.thread_of("ITEM_NEW").named("HELLO") == [parent]
    assert run.thread_of("ITEM_NEW").pid not in workers


@pytest.mark.parametrize("kind", ["pool:fork", "pool:spawn", "threadpool"])
def test_items_of_a_multiprocessing_pool(kind: str) -> None:
    run = run_watched([PROGRAM, kind])
    assert run.stdout == "[0, 2, 4, 6, 8, 10, 6, 0, 2, 4, 'ValueError(1)']\n"
    check_items(run, 8, 11)  # imap draws its pieces one by one: only their beginnings are told
    assert function_names(run, "ITEM") == {"work": 10, "fails": 1}
    assert {entry.fields[1] for entry in run.entries("ITEM_NEW")} == {3}


@pytest.mark.parametrize("method", METHODS)
def test_a_process_tells_its_name_and_function(method: str) -> None:
    run = run_watched([PROGRAM, f"process:{method}"])
    (name,) = run.entries("PROCESS_NAME")
    assert name.parts == [f"cook {method}", "work", PROGRAM, "9"]
    flags = [hello.fields[1] & 2 for hello in run.entries("HELLO")]
    assert flags.count(2) == (0 if method == "spawn" else 1)


def test_threads_tell_names_functions_and_ends(tmp_path: Path) -> None:
    script = tmp_path / "threads.py"
    script.write_text(
        "import threading, functools, os\n"
        "def chop(n):\n"
        "    threading.current_thread().name = 'renamed'\n"
        "class Stir(threading.Thread):\n"
        "    def run(self): raise SystemExit\n"
        "threads = [threading.Thread(target=functools.partial(chop, 1), name='a', daemon=True),\n"
        "           Stir(name='b'), threading.Thread(target=len, args=('',), name='c')]\n"
        "for t in threads: t.start(); t.join()\n"
        "while len(os.listdir('/proc/self/task')) > 1: os.sched_yield()\n"  # join comes earlier
    )
    run = run_watched([str(script)])
    assert [(e.value, e.parts) for e in run.entries("THREAD")] == [
        (1, ["a", "chop", str(script), "2"]),
        (0, ["b", "Stir.run", str(script), "5"]),
        (0, ["c", "len", "", ""]),
    ]
    assert [e.parts for e in run.entries("THREAD_END")] == [["renamed"], ["b"], ["c"]]
    assert [t.closed for t in run.threads] == [False, True, True, True]


def test_blocks_are_told_where_they_run() -> None:
    program = """
import asyncio, twocooks
rice = twocooks.task("rice")
with rice:
    with twocooks.task("dal"): pass
with rice: pass
async def main():
    async with twocooks.task("chapati"): await asyncio.sleep(0)
asyncio.run(main())
"""
    src = str(Path(__file__).parents[2] / "src")
    run = run_watched(["-c", program], env={"PYTHONPATH": src})
    told = run.entries("BLOCK", "BLOCK_END")
    order = list(dict.fromkeys(entry.value for entry in told))
    story = [(e.name, 1 + order.index(e.value), e.text) for e in told]
    assert story == [
        ("BLOCK", 1, "rice"),
        ("BLOCK", 2, "dal"),
        ("BLOCK_END", 2, None),
        ("BLOCK_END", 1, None),
        ("BLOCK", 3, "rice"),
        ("BLOCK_END", 3, None),
        ("BLOCK", 4, "chapati"),
        ("BLOCK_END", 4, None),
    ]
    events = [e.name for e in run.entries("STEP", "BLOCK", "BLOCK_END", "STEP_DONE")]
    assert events[6:10] == ["STEP", "BLOCK", "STEP", "BLOCK_END"]


def test_a_block_without_an_agent_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from twocooks import task

    monkeypatch.delenv("TWOCOOKS_ARENA", raising=False)
    with pytest.raises(ZeroDivisionError), task("rice"):
        raise ZeroDivisionError


LOKY = """
import sys
from joblib import Parallel, delayed

def piece(n): return n

def main():
    print(Parallel(n_jobs=2, batch_size=1)(delayed(piece)(n) for n in range(5)))
    print(Parallel(n_jobs=2, backend="multiprocessing")(delayed(piece)(n) for n in range(3)))

if __name__ == "__main__": main()
"""


def test_items_of_joblib(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    program = tmp_path / "program.py"
    program.write_text(LOKY)
    run = run_watched([str(program)])
    assert run.stdout == "[0, 1, 2, 3, 4]\n[0, 1, 2]\n"
    check_items(run, 8, 8)
    assert function_names(run, "ITEM_NEW") == function_names(run, "ITEM") == {"piece": 8}
