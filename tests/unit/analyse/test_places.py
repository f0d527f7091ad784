"""Where tasks waited: the table is the account's own time, cut by line and lock."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.analyse.held import Holder
from twocooks.analyse.places import WaitSum, is_fresh, main_lock, place_of
from twocooks.analyse.rings import Link, Ring
from twocooks.analyse.waited_on import STOPPED
from twocooks.cli import main
from twocooks.model import Reason, State
from twocooks.read.reader import load
from twocooks.read.trace import Trace
from twocooks.report.base import Options
from twocooks.report.terminal import tables

LIB = "/usr/lib/python3.11/"


@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_each_reason_sums_to_the_account(scene: scenes.Scene) -> None:
    seen = analyse(scene().trace())
    sums = dict.fromkeys(map(str, Reason), 0.0)
    for wait in seen.waits:
        sums[str(wait.reason)] += wait.seconds
    assert sums == pytest.approx(seen.summary["time"]["waiting"], abs=1e-9)


def test_a_lock_has_its_line_and_its_address() -> None:
    wants = [w for w in analyse(scenes.lock_fine().trace()).waits if w.reason is Reason.LOCK]
    assert [(w.where, w.lock, w.count, w.tasks) for w in wants] == [("app.py:4 work", "0x5", 38, 2)]
    assert wants[0].seconds == pytest.approx(0.38, abs=0.001)
    assert wants[0].longest_s == pytest.approx(0.01, abs=0.0001)
    assert wants[0].state is State.WANTS_TOOL


def test_the_answer_names_the_line_of_the_lock() -> None:
    seen = analyse(scenes.lock_fine().trace())
    assert "app.py:4 in work" in seen.summary["verdict"]["why"]
    half = [WaitSum(Reason.LOCK, State.WANTS_TOOL, f"/x/a.py:{i} f", "", 1.0, 1, 1.0, 1)
            for i in range(3)]  # fmt: skip
    assert main_lock(half) == ""
    assert main_lock(half[:2]) == "a.py:0 in f"
    assert main_lock([]) == ""


def test_two_locks_of_one_line_are_two() -> None:
    b = scenes.processes(2)
    for n in range(2):
        b.on(n, 20 + n, 0.01, 0.02, pid=20 + n)
        b.look(0.024, 0.0241, 20 + n, scenes.FUTEX, arg=5 + n, kind=scenes.SEM,
               where=("app.py:4:work",), pid=20 + n)  # fmt: skip
        b.on(n, 20 + n, 0.05, 0.06, pid=20 + n, exits=True)
    locks = [w.lock for w in analyse(b.trace()).waits if w.reason is Reason.LOCK]
    assert sorted(locks) == ["0x5", "0x6"]


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        (["app.py:4:work"], "app.py:4 work"),
        ([f"{LIB}threading.py:327:wait", f"{LIB}queue.py:180:get", "a b.py:7:f"], "a b.py:7 f"),
        ([f"{LIB}concurrent/futures/thread.py:81:_worker"], ""),
        # Somebody's own module of that name is not the library's.
        (["/home/me/queue.py:3:get", "app.py:4:work"], "/home/me/queue.py:3 get"),
        (["<frozen importlib._bootstrap>:100:acquire", "app.py:1:<module>"], "app.py:1 <module>"),
        (["nonsense"], ""),
        ([""], ""),
    ],
)
def test_the_place_is_the_programs_line(frames: list[str], place: str) -> None:
    assert place_of("\x1f".join(frames)) == place


def test_a_wait_for_bytes_or_a_child_says_for_which() -> None:
    b = scenes.processes(2)
    socket = "tcp 10.0.0.1:80 > 10.0.0.2:5000 socket:[77]"
    for n, (syscall, what) in enumerate(((scenes.READ, socket), (scenes.READ, "pipe:[5]"))):
        b.on(n, 20 + n, 0.01, 0.02, pid=20 + n)
        b.look(0.024, 0.0241, 20 + n, syscall, arg=3, where=("app.py:4:work",), pid=20 + n,
               what=what, peers=(20, 21) if n else ())  # fmt: skip
        b.on(n, 20 + n, 0.05 + n * 0.01, 0.08, pid=20 + n)
        b.look(0.084, 0.0841, 20 + n, scenes.WAIT4, arg=21, where=("app.py:5:work",), pid=20 + n)
        b.on(n, 20 + n, 0.1, 0.11, pid=20 + n, exits=True)
    for trace in (b.trace(), loaded(b)):
        found = {w.reason: w.on for w in analyse(trace).waits if w.on}
        assert [on.what for on in found[Reason.IO]] == ["pipe:[5]", socket.partition(" socket")[0]]
        assert [on.peers for on in found[Reason.IO]] == [("process 20 (P0)", "itself"), ()]
        assert [on.seconds for on in found[Reason.IO]] == pytest.approx([0.04, 0.03], abs=1e-4)
        assert [on.what for on in found[Reason.CHILD]] == ["process P1"]


def test_what_the_interpreter_takes_by_itself_is_named() -> None:
    b = scenes.processes(2)
    for n, (kind, what) in enumerate(((5, "object:Bowl"), (6, ""))):
        b.on(n, 20 + n, 0.01, 0.02, pid=20 + n)
        b.look(0.024, 0.0241, 20 + n, scenes.FUTEX, arg=0x50A, kind=kind,
               where=("app.py:4:work",), pid=20 + n, what=what)  # fmt: skip
        b.on(n, 20 + n, 0.05, 0.06, pid=20 + n, exits=True)
    for trace in (b.trace(), loaded(b)):
        analysis = analyse(trace)
        assert {(w.state, w.reason) for w in analysis.waits if w.where} == {
            (State.WANTS_TOOL, Reason.LOCK)
        }
        told = {on.what for w in analysis.waits for on in w.on}
        assert told == {"the lock inside this Bowl", STOPPED}
        names = {lock.name: lock.address for lock in analysis.locks}
        assert names == {"inside a Bowl": "0x50a", "stop of all threads": ""}


def loaded(b: Builder) -> Trace:
    """The trace by way of a file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b.file())
        file.flush()
        return load(file.name)


def test_a_lock_made_for_one_wait_is_known() -> None:
    assert is_fresh(f"{LIB}threading.py:327:wait\x1fapp.py:4:work")
    assert not is_fresh("app.py:4:wait")
    assert not is_fresh(f"{LIB}threading.py:99:acquire")


def test_the_table_is_clean_and_no_wider_than_asked() -> None:
    seen = analyse(scenes.lock_fine().trace())
    nasty = "/a/\x1b[31mb\u202e/" + "x" * 300 + ".py:4 f"
    holder = Holder(nasty, 11, "working", nasty, 0.1)
    lock = next(wait for wait in seen.waits if wait.lock)
    first = replace(lock, where=nasty, holders=(holder, replace(holder, where="")))
    ring = Ring((Link(nasty, nasty, "0x5", nasty, nasty),) * 2, 1.0, True)
    hostile = replace(seen, tell_waits=lambda: [first, *seen.waits], tell_rings=lambda: [ring])
    for width in (60, 80, 120):
        for only in (None, Reason.LOCK):
            options = Options(width=width, colour=False, unicode=True)
            for text in (tables.waits(hostile, options, only), tables.locks(hostile, options)):
                assert "\x1b" not in text
                assert "\u202e" not in text
                assert max(map(len, text.splitlines())) <= width


def test_more_places_than_fit_are_summed_up() -> None:
    seen = analyse(scenes.lock_fine().trace())
    many = [
        WaitSum(Reason.IO, State.WAITING, f"a.py:{i} f", "", 1.0, 1, 1.0, 1) for i in range(25)
    ]
    text = tables.waits(
        replace(seen, tell_waits=lambda: many), Options(width=80, colour=False, unicode=True)
    )
    assert "5 more places" in text


def test_report_shows_and_writes_the_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.2cooks"
    path.write_bytes(scenes.lock_fine().file())
    assert main(["report", "--locks", str(path)]) == 0
    out = capsys.readouterr().out
    assert "app.py:4 work" in out
    assert "0x5" in out
    assert main(["report", str(path), "--waits", "--locks", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    (lock,) = told["locks"]
    assert (lock["address"], lock["where"], lock["count"]) == ("0x5", ["app.py:4 work"], 38)
    held = sum(holder["seconds"] for holder in lock["holders"]) + lock["unknown_s"]
    assert held == pytest.approx(lock["seconds"])
    assert [w["seconds"] for w in told["waits"] if w["reason"] == "lock"] == [lock["seconds"]]
    assert told["deadlocks"] == []
    assert main(["report", "--json", "-", str(path)]) == 0
    assert "waits" not in json.loads(capsys.readouterr().out)


def test_a_run_without_waits_says_so() -> None:
    seen = analyse(scenes.two_processes().trace())
    assert "No task was seen to wait" in tables.waits(
        seen, Options(width=80, colour=False, unicode=True), Reason.LOCK
    )
