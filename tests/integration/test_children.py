"""Children that the agent does not get into: seen as processes and threads, and said."""

from __future__ import annotations

import sys

from tests.kit.watched import Place, lookup, watch

PROGRAM = """
import subprocess, sys

work = '''
import threading, time
def burn():
    end = time.thread_time() + 0.03
    while time.thread_time() < end: pass
threads = [threading.Thread(target=burn) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
'''
for how in ["-I"], ["-E"], ["-S"], ["-sS", "-E"]:
    subprocess.run([sys.executable, *how, "-c", work], check=True)
subprocess.run([sys.executable, "-c", work], check=True, env={})
subprocess.run(["sort", sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, "-c", work], check=True)
print("six without, one with")
"""


def test_children_without_the_agent_are_seen_and_said(place: Place) -> None:
    program = place.folder / "program.py"
    program.write_text(PROGRAM)
    run = watch([sys.executable, str(program), str(program)], place)
    assert run.code == 0, run.err
    assert run.out == "six without, one with\n"
    (note,) = [n for n in lookup(run.summary, "measured.notes") if "without the agent" in n]
    assert note.startswith("6 processes ran without the agent: ")
    assert "(5), sort. " in note
    assert "6 processes ran without the agent" in run.err
    # Without the agent the start of an interpreter looks like work of its main thread; where it was
    # slow, that counts as one more.
    assert 12 <= lookup(run.summary, "tasks.by_kind").get("thread", 0) <= 12 + 5
    assert lookup(run.summary, "cpu_s") >= 12 * 0.03
