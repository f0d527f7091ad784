"""What the agent says where it cannot follow: other libraries' tasks, and sub-interpreters."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.kit.arena import run_watched

FAKES = {
    "gevent": ("gevent/hub.py", "class Hub:\n    def __init__(self, loop): self.loop = loop\n"),
    "eventlet": ("eventlet/hubs/__init__.py", ""),
    "curio": ("curio/kernel.py", ""),
}
"""As much of each library as the agent looks at."""


def fake(folder: Path, library: str) -> dict[str, str]:
    """The environment in which an import finds our library of that name."""
    file, text = FAKES[library]
    path = folder / file
    path.parent.mkdir(parents=True)
    (folder / library / "__init__.py").touch()
    path.write_text(text)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("library", "code"),
    [
        ("gevent", "import gevent.hub; hubs = [gevent.hub.Hub(n) for n in range(3)]"),
        ("eventlet", "import eventlet.hubs"),
        ("curio", "import curio.kernel, curio.kernel"),
    ],
)
def test_a_library_that_is_not_followed_is_said_once(
    tmp_path: Path, library: str, code: str
) -> None:
    run = run_watched(["-c", code], env=fake(tmp_path, library))
    assert [entry.parts for entry in run.entries("NOT_FOLLOWED")] == [[library]]


def test_gevent_that_is_imported_and_not_used_is_not_said(tmp_path: Path) -> None:
    run = run_watched(["-c", "import gevent.hub"], env=fake(tmp_path, "gevent"))
    assert run.entries("NOT_FOLLOWED") == []


GEVENT = """
import gevent, gevent.monkey
gevent.monkey.patch_all()
import threading, time
seen = []
def work(n):
    for _ in range(3): gevent.sleep(0.001)
    seen.append(n)
gevent.joinall([gevent.spawn(work, n) for n in range(4)])
threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(seen), gevent.get_hub().threadpool.apply(int))
"""


def test_gevent_itself_runs_undisturbed() -> None:
    if importlib.util.find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    run = run_watched(["-c", GEVENT])
    assert run.stdout == "[0, 0, 1, 1, 2, 3] 0\n"
    assert [entry.parts for entry in run.entries("NOT_FOLLOWED")] == [["gevent"]]


INTERPRETERS = """
import _interpreters, threading

CODE = '''
import threading, asyncio
def work(): sum(range(1000))
thread = threading.Thread(target=work, name="inner")
thread.start(); thread.join()
async def main(): await asyncio.sleep(0.001)
asyncio.run(main())
'''
ids = [_interpreters.create() for _ in range(2)]
threads = [threading.Thread(target=_interpreters.run_string, args=(i, CODE)) for i in ids]
for thread in threads: thread.start()
for thread in threads: thread.join()
for i in ids: _interpreters.destroy(i)
import asyncio
asyncio.run(asyncio.sleep(0))
print("done")
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sub-interpreters hang before 3.13")
def test_threads_of_sub_interpreters_are_told_and_their_tasks_left_alone() -> None:
    run = run_watched(["-c", INTERPRETERS])
    assert run.stdout == "done\n"
    assert len(run.entries("INTERPRETER")) == 2
    names = [entry.parts[0] for entry in run.entries("THREAD")]
    assert names.count("inner") == 2
    assert len(names) == 4 == len(run.entries("THREAD_END"))
    main = run.thread_of("STEP")  # only the main interpreter's own loop speaks
    assert main.named("HELLO")
    assert len(run.entries("LOOP")) == len(main.named("LOOP"))
