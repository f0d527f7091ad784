"""What `run` starts, and which exit code it hands on. The recorder is played by a double here."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit import analyses
from tests.unit.analyse import scenes
from twocooks.cli import main
from twocooks.cli import report as report_command
from twocooks.cli import run as run_command
from twocooks.cli.common import UsageError

watch_module = pytest.importorskip("twocooks.record.watch", reason="the recorder is Linux only")
PYTHON = sys.executable


def test_python_runs_scripts_modules_and_code(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.touch()
    name = str(script)
    assert run_command.command_of([name, "-x"]) == ([PYTHON, name, "-x"], "a")
    assert run_command.command_of(["-m", "http.server", "80"])[0] == [
        PYTHON,
        "-m",
        "http.server",
        "80",
    ]
    assert run_command.command_of(["-mhttp"])[0] == [PYTHON, "-m", "http"]
    assert run_command.command_of(["-c", "pass", "-c"])[0] == [PYTHON, "-c", "pass", "-c"]


def test_folders_and_texts_run_under_python(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").touch()
    text = tmp_path / "text"
    text.touch()
    assert run_command.program(str(tmp_path), []) == [PYTHON, str(tmp_path)]
    assert run_command.program(str(text), []) == [PYTHON, str(text)]


def test_commands_are_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "my-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_command.program("my-tool", ["x"]) == [str(tool), "x"]
    assert run_command.program(str(tool), []) == [str(tool)]


@pytest.mark.parametrize("name", ["nothing-of-this-name", "./nothing", "nothing.py", "/tmp"])
def test_what_is_not_there_is_said_with_what_to_do(name: str) -> None:
    with pytest.raises(UsageError, match="give"):
        run_command.program(name, [])


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Windows", "AMD64"), ("Linux", "aarch64")]
)
def test_other_systems_get_one_clear_line(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert main(["run", "-c", "pass"]) == 2
    said = capsys.readouterr().err
    assert f"{system} {machine}" in said
    assert said.count("\n") == 1


def test_a_word_that_is_nearly_a_command_is_asked_about(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reprot"]) == 2
    assert "reprot; did you mean twocooks report? Else give the path" in capsys.readouterr().err
    assert main(["no-such-thing-here"]) == 2
    assert "did you mean" not in capsys.readouterr().err


class Double:
    """In the recorder's place: remembers what it was asked for, ends as it was told."""

    def __init__(self, **fate: Any) -> None:
        self.fate: dict[str, Any] = {"exit_code": 0, "signal": None} | fate
        self.asked: dict[str, Any] = {}

    def __call__(self, command: list[str], *, trace_path: Path, **options: Any) -> Any:
        self.asked = {"command": command, "trace_path": trace_path, **options}
        return watch_module.Outcome(trace_path=trace_path, **self.fate)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def analyse_file(path: Path, by: str = "task") -> Any:
        found = analyses.gil_turns()
        found.summary["by"] = by
        return found

    monkeypatch.setattr(report_command, "analyse_file", analyse_file)

    def play(*words: str, **fate: Any) -> tuple[int, Double]:
        double = Double(**fate)
        monkeypatch.setattr(watch_module, "watch", double)
        return main(list(words)), double

    return play


def test_options_reach_the_recorder(stage: Any, tmp_path: Path) -> None:
    out = tmp_path / "t.2cooks"
    code, double = stage(
        "run", "-q", "-o", str(out), "--for", "2m", "--max-size", "5MB", "--source", "kernel",
        "--", "-c", "pass",
    )  # fmt: skip
    assert code == 0
    assert double.asked == {
        "command": [PYTHON, "-c", "pass"], "trace_path": out, "source": "kernel", "for_s": 120,
        "max_size": 5_000_000,
    }  # fmt: skip


def test_the_word_run_may_be_left_out(stage: Any) -> None:
    assert stage("-q", "-c", "pass")[1].asked["command"] == [PYTHON, "-c", "pass"]


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_programs_exit_code_is_handed_on(stage: Any, code: int) -> None:
    assert stage("run", "-c", "x", exit_code=code)[0] == code


def test_the_report_goes_to_stderr(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stage("run", "-c", "x")
    said = capsys.readouterr()
    assert said.out == ""
    assert "They take turns." in said.err
    assert "twocooks report" in said.err


def test_quiet_is_quiet(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stage("run", "-q", "-c", "x")
    assert capsys.readouterr() == ("", "")


def test_numbers_as_json(stage: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stage("run", "-q", "--json", "-", "-c", "x")
    assert json.loads(capsys.readouterr().out)["verdict"]["id"] == "turns"
    path = tmp_path / "n.json"
    for _ in range(2):  # its own file may be replaced
        assert stage("run", "-q", "--json", str(path), "-c", "x")[0] == 0
    assert json.loads(path.read_text())["schema"] == "twocooks.summary/1"


def test_a_level_is_counted_and_said(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage("run", "--by", "process", "-c", "x")[0] == 0
    assert "in this run, by process" in capsys.readouterr().err
    assert stage("run", "--by=core", "-c", "x")[0] == 2
    said = capsys.readouterr().err
    assert said == "twocooks: --by 'core' is not known; it is task, name, thread or process\n"


def test_a_file_of_others_is_not_replaced(stage: Any, tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    path.write_text('{"mine": 1}')
    code, double = stage("run", "--json", str(path), "-c", "x")
    assert code == 2
    assert double.asked == {}, "refused before the program ran"


@pytest.mark.parametrize(
    ("condition", "program", "code"),
    [("verdict.id == turns", 0, 1), ("verdict.id == both", 0, 0), ("verdict.id == turns", 7, 7)],
)
def test_fail_if(stage: Any, condition: str, program: int, code: int) -> None:
    assert stage("run", "-q", "--fail-if", condition, "-c", "x", exit_code=program)[0] == code


def test_a_server_stopped_by_its_time_did_nothing_wrong(stage: Any) -> None:
    fate = {"exit_code": None, "signal": signal.SIGINT, "why": "for"}
    assert stage("run", "-q", "--for", "1s", "-c", "x", **fate)[0] == 0
    assert stage("run", "-q", "--fail-if", "verdict.id == turns", "-c", "x", **fate)[0] == 1


def test_a_failing_report_hides_no_exit_code(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_command, "show", lambda *_: 1 / 0)
    assert stage("run", "-c", "x", exit_code=3)[0] == 3
    assert "the report failed: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV])
def test_death_by_a_signal_is_passed_on(number: int) -> None:
    code = f"from twocooks.cli.run import die_by; die_by({int(number)})"
    assert subprocess.run([PYTHON, "-c", code]).returncode == -number


def test_a_program_that_cannot_be_started(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str], **_: Any) -> Any:
        raise watch_module.CannotStartError("Exec format error")

    stage("run", "-q", "-c", "x")
    monkeypatch.setattr(watch_module, "watch", refuse)
    assert main(["run", "-c", "x"]) == 2


def test_the_command_line_is_light() -> None:
    """Nothing that only a report needs is loaded before the program runs."""
    code = (
        "import sys; from twocooks.cli import main, run; import twocooks.record.watch; "
        "heavy = {'numpy', 'rich', 'argparse', 'asyncio', 'tempfile'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.stdout.strip() == "[]", done.stderr


def test_task_alone_loads_nothing_heavy() -> None:
    code = (
        "import sys; had = set(sys.modules); from twocooks import task; "
        "print(*sorted(set(sys.modules) - had))"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    loaded = {name for name in done.stdout.split() if name.startswith("twocooks")}
    assert loaded == {"twocooks", "twocooks._also_async", "twocooks._task"}, done.stderr
    assert "typing" not in done.stdout.split()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error_of_ours(tmp_path: Path, closed: str) -> None:
    trace = tmp_path / "run.2cooks"
    trace.write_bytes(scenes.two_processes().file())
    for words in (f"report {trace}", "--help", "explain", f"check {trace}", "report /nothing"):
        command = f"exec {PYTHON} -m twocooks {words} {closed}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        assert done.returncode == (2 if "nothing" in words else 0), (words, done.stderr)
        assert "Traceback" not in done.stderr


def test_a_library_that_cannot_be_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "run.2cooks"
    trace.write_bytes(scenes.two_processes().file())

    def broken(*_: object) -> None:
        raise ImportError("numpy's C-extensions failed.\nMany lines of advice.", name="numpy")

    monkeypatch.setattr(report_command, "analyse_file", broken)
    assert main(["report", str(trace)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("twocooks: numpy cannot be loaded (numpy's C-extensions failed.)")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "program", "code"),
    [
        (["--json", "/dev/full"], 0, 2),
        (["--html", "/dev/full"], 0, 2),
        (["--json", "/dev/full"], 4, 4),
        (["--fail-if", "verdict.id == both", "--junit", "/dev/full"], 0, 2),
        (["--fail-if", "verdict.id == turns", "--junit", "/dev/full"], 0, 1),
    ],
)
def test_a_file_that_cannot_be_written_is_said_in_a_line_and_is_no_success(
    stage: Any, capsys: pytest.CaptureFixture[str], options: list[str], program: int, code: int
) -> None:
    assert stage("run", *options, "-c", "x", exit_code=program)[0] == code
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if "/dev/full" in line]
    assert len(lines) == 1
    assert lines[0].startswith("twocooks: --")
    assert lines[0].endswith("/dev/full cannot be written: No space left on device")
    assert "They take turns." in said, "the rest is done all the same"


@pytest.mark.parametrize("words", ["--version", "--help", "report {}", "report --json - {}"])
def test_an_answer_that_cannot_be_written_is_said_in_a_line(tmp_path: Path, words: str) -> None:
    trace = tmp_path / "run.2cooks"
    trace.write_bytes(scenes.two_processes().file())
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [PYTHON, "-m", "twocooks", *words.format(trace).split()],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith("cannot be written: No space left on device\n")
    assert done.stderr.count("\n") == 1


HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""As at a terminal: who runs these tests in the background may have told them to ignore Ctrl-C."""


def test_ctrl_c_while_modules_load_is_no_traceback() -> None:
    code = (
        HEED + "import os, signal; import twocooks.__main__; os.kill(os.getpid(), signal.SIGINT); "
        "print('lives')"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_in_a_command_ends_it_and_what_was_set_before_is_kept() -> None:
    code = (
        "import os, signal, sys; import twocooks.__main__ as command; import twocooks.cli\n"
        "twocooks.cli.main = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "code = command.main(); print(code, signal.getsignal(signal.SIGINT).name)"
    )
    ignore = HEED.replace("default_int_handler", "SIG_IGN")
    for before, said in ((HEED, "130 SIG_DFL\n"), (ignore, "None SIG_IGN\n")):
        done = subprocess.run([PYTHON, "-c", before + code], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (said, "")


def test_ctrl_c_waits_until_numpy_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT); sum(range(1000))\n"
        "except KeyboardInterrupt:\n    raise ImportError('broken') from None\n"
        "print('loaded with', os.environ['OPENBLAS_NUM_THREADS'], 'thread')\n"
    )
    code = (
        HEED + "import os\nfrom twocooks.cli.common import load_numpy\n"
        "try: load_numpy()\nexcept KeyboardInterrupt: print('then Ctrl-C')\n"
        "print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    env.pop("OPENBLAS_NUM_THREADS", None)
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, env=env)
    assert (done.stdout, done.stderr) == ("loaded with 1 thread\nthen Ctrl-C\nNone\n", "")
