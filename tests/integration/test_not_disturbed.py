"""The watched program comes first: watched or not, it does the same.

Each program runs plain and under twocooks; its output, its exit code or its death by a signal,
its input, terminal and signals must be the same. Programs say themselves when they are ready, so
nothing here sleeps and hopes.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.watched import LIMIT_S, UP, Place, twocooks, watch, when_up


def plain(command: list[str], place: Place, stdin: str | None = None) -> tuple[int, str, str]:
    done = subprocess.run(command, env=place.env, cwd=place.folder, input=stdin, text=True,
                          capture_output=True, timeout=LIMIT_S)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


SAME = {
    "exit code 0": "print('fine')",
    "exit code 3": "import sys; print('three'); sys.exit(3)",
    "exit message": "raise SystemExit('no butter')",
    "traceback": "def cook():\n    raise ValueError('burnt')\ncook()",
    "os._exit": "import os; print('gone', flush=True); os._exit(7)",
    "killed": "import os, signal; print('now', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "aborted": "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.abort()",
    "stderr": "import sys; print('a', file=sys.stderr); print('b')",
    "large output": "import sys; sys.stdout.write('x' * 3_000_000)",
    "arguments": "import sys; print(sys.argv[1:])",
    "atexit": "import atexit; atexit.register(print, 'bye'); print('hello')",
    "threads left": "import threading\n"
    "late = lambda: (threading.main_thread().join(), print('late'))\n"
    "threading.Thread(target=late).start(); print('early')",
    "daemon thread": "import threading\n"
    "threading.Thread(target=threading.Event().wait, daemon=True).start(); print('bye')",
    "fork": "import os\npid = os.fork()\nprint('child' if not pid else os.waitpid(pid, 0)[1])",
    "asyncio error": "import asyncio\nasync def f(): raise KeyError('salt')\nasyncio.run(f())",
    "what a program sees of itself": "import gc, os, signal, sys, threading\n"
    "print(sys.argv, sys.path[0], sys.flags, sys.orig_argv[1:], __name__, globals().keys())\n"
    "print(sorted(os.listdir('/proc/self/fd')), os.getcwd(), os.umask(0))\n"
    "print(threading.enumerate(), gc.get_threshold(), sys.gettrace(), sys.getprofile())\n"
    "print([signal.getsignal(n) for n in range(1, 32)], sys.getswitchinterval())\n"
    "print(sys.getrecursionlimit(), sys.excepthook, sys.unraisablehook, threading.excepthook)\n"
    "print(os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), os.getsid(0) > 0)",
    "class names": "import asyncio, threading, concurrent.futures as c, multiprocessing as m\n"
    "print(asyncio.Task, asyncio.Future, threading.Thread.run, threading.Lock, c.Future)\n"
    "print(asyncio.Task.__mro__, asyncio.tasks.Task is asyncio.Task, m.Process.run)\n"
    "from inspect import signature as s; print(s(threading.Thread), s(c.Executor.submit))",
}


@pytest.mark.parametrize("name", SAME)
def test_same_result(name: str, place: Place) -> None:
    command = [sys.executable, "-c", SAME[name], "one", "--two"]
    code, out, err = plain(command, place)
    run = watch(command, place, options=("-q",))
    assert run.code == code
    assert hide_addresses(run.out) == hide_addresses(out)
    assert hide_addresses(run.err) == hide_addresses(err)


def hide_addresses(text: str) -> str:
    """Without addresses and thread ids, which differ from run to run."""
    return re.sub(r"0x[0-9a-f]+|\d{10,}", "N", text)


def test_report_leaves_the_programs_own_lines_alone(place: Place) -> None:
    command = [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"]
    run = watch(command, place)
    assert run.out == "out\n"
    assert run.err.startswith("err\n")
    assert len(run.err.splitlines()) > 1


def test_standard_input_reaches_the_program(place: Place) -> None:
    text = "".join(f"line {n}\n" for n in range(50_000))
    code = "import sys, hashlib; print(hashlib.md5(sys.stdin.buffer.read()).hexdigest())"
    command = [sys.executable, "-c", code]
    run = watch(command, place, stdin=text)
    assert (run.code, run.out) == plain(command, place, text)[:2]


def test_closed_output_pipe(place: Place) -> None:
    """``twocooks run ... | head -1``: the program meets the closed pipe as it would alone."""
    code = "import sys\nfor n in range(200_000): print(n)"
    for command in (
        [sys.executable, "-c", code],
        twocooks("run", "-q", "--", sys.executable, "-c", code),
    ):
        process = subprocess.Popen(command, env=place.env, cwd=place.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.stderr is not None
        error = process.stderr.read()
        # 120 where what was still buffered could not be written at the end either.
        assert process.wait(LIMIT_S) in (1, 120)
        assert b"BrokenPipeError" in error


def test_dash_m_and_dash_c(place: Place) -> None:
    (place.folder / "kitchen.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    for arguments in (["-m", "kitchen", "-x", "1"], ["-c", "print(__name__)", "-x"]):
        code, out, _ = plain([sys.executable, *arguments], place)
        run = plain(twocooks("run", "-q", *arguments), place)
        assert run[:2] == (code, out)


def test_script_file_and_short_form(place: Place) -> None:
    script = place.folder / "soup.py"
    script.write_text("import sys\nprint(sys.argv, __file__, sys.path[0])\nsys.exit(4)\n")
    expected = plain([sys.executable, str(script), "--hot"], place)
    assert plain(twocooks("run", "-q", str(script), "--hot"), place)[:2] == expected[:2]
    assert plain(twocooks(str(script), "--hot"), place)[:2] == expected[:2]


def test_console_script_in_path(place: Place) -> None:
    tool = place.folder / "bin" / "stirr"
    tool.parent.mkdir()
    tool.write_text(
        f"#!{sys.executable}\nimport sys\nprint('stirred', sys.argv[1:])\nsys.exit(5)\n"
    )
    tool.chmod(0o755)
    env = {**place.env, "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    command = twocooks("run", "-q", "stirr", "-f")
    done = subprocess.run(command, env=env, cwd=place.folder, text=True, capture_output=True,
                          timeout=LIMIT_S)  # fmt: skip
    assert (done.returncode, done.stdout) == (5, "stirred ['-f']\n")


def test_a_program_that_is_not_python(place: Place) -> None:
    command = ["/bin/sh", "-c", "echo out; echo err >&2; exit 6"]
    assert plain(twocooks("run", "-q", "--", *command), place) == plain(command, place)


def test_a_command_that_does_not_exist(place: Place) -> None:
    code, out, err = plain(twocooks("run", "--", "no-such-command-here"), place)
    assert code in (2, 127)
    assert out == ""
    assert len(err.strip().splitlines()) == 1


# Signals and terminals. The program writes "ready" when its handler stands.

ASLEEP = "import os, time\nos.write(1, b'ready\\n')\ntime.sleep(60)"
# Who is slow to end after a SIGTERM to the whole group gets it twice (docs/limits.md).
HANDLES = (
    "import signal, sys, time\n"
    "seen = []\n"
    "def bye(number, frame):\n"
    "    if seen: return\n"
    "    seen.append(number)\n"
    "    os.write(1, b'caught %d\\n' % number)\n"
    "    sys.exit(9)\n"
    "signal.signal(signal.SIGINT, bye); signal.signal(signal.SIGTERM, bye)\n" + ASLEEP
)


def start(command: list[str], place: Place) -> subprocess.Popen[str]:
    """Begin in a process group of its own, and wait for its "ready"."""
    process = subprocess.Popen(command, env=place.env, cwd=place.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("code", [ASLEEP, HANDLES], ids=["default", "handled"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "recorder"])
def test_signals(code: str, number: signal.Signals, whole_group: bool, place: Place) -> None:
    """Ctrl-C reaches the whole group; SIGTERM to twocooks is passed on; the report comes."""
    if number == signal.SIGINT and not whole_group:
        pytest.skip("a terminal sends SIGINT to the group; to twocooks alone it means nothing")
    alone = start([sys.executable, "-c", code], place)
    os.killpg(alone.pid, number)
    out, _ = alone.communicate(timeout=LIMIT_S)
    both = start(twocooks("run", "--", sys.executable, "-c", code), place)
    (os.killpg if whole_group else os.kill)(both.pid, number)
    watched_out, report = both.communicate(timeout=LIMIT_S)
    assert watched_out == out
    assert both.returncode == alone.returncode
    assert report.strip()
    assert "twocooks/cli" not in report, f"a traceback of ours:\n{report}"


def test_for_ends_a_program_that_never_ends(place: Place) -> None:
    program = HANDLES.replace("time.sleep", f"open({UP!r}, 'w'); time.sleep")
    command = when_up("run", "--for", "100ms", "--", sys.executable, "-c", program)
    code, out, err = plain(command, place)
    assert out == "ready\ncaught 2\n"
    assert code == 0, "a program that was ended as asked did nothing wrong"
    assert err.strip()


TERMINAL = (
    "import os, sys\n"
    "print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.isatty(0))\n"
    "print(os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size())\n"
    "print('you said', input('name? '))"
)


def in_terminal(command: list[str], place: Place) -> tuple[int, str]:
    """Run on a pseudo-terminal whose user types a name when asked."""
    try:
        pid, fd = pty.fork()
    except OSError as error:
        pytest.skip(f"no terminal is to be had here: {error}")
    if pid == 0:
        try:
            os.chdir(place.folder)
            os.execve(command[0], command, place.env)
        finally:
            os._exit(127)
    text, asked, end = b"", False, time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:  # the last one on the terminal has gone
            break
        if not data:
            break
        text += data
        if b"name? " in text and not asked:
            asked = True
            os.write(fd, b"Ada\n")
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


def test_terminal(place: Place) -> None:
    command = [sys.executable, "-c", TERMINAL]
    code, text = in_terminal(command, place)
    assert (code, "you said Ada" in text) == (0, True)
    watched = in_terminal(twocooks("run", "-q", "--", *command), place)
    assert watched == (code, text)


def test_recorder_killed_program_goes_on(place: Place) -> None:
    """SIGKILL to twocooks: the program ends as if nothing had been."""
    done = place.folder / "done"
    code = (
        "import time\nprint('ready', flush=True)\ntime.sleep(0.5)\n"
        f"open({str(done)!r}, 'w').close()"
    )
    process = start(twocooks("run", "-q", "--", sys.executable, "-c", code), place)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    wait_for(done)


def wait_for(path: Path) -> None:
    end = time.monotonic() + LIMIT_S
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)
