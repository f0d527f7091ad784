"""How the agent comes into a program, and that the program does not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.kit.arena import BOOT, Arena, environment, run_watched

VIEW = """
import gc, json, os, sys
print(json.dumps({
    "path": sys.path, "modules": sorted(sys.modules), "argv": sys.argv,
    "importers": sorted(sys.path_importer_cache),
    "environ": sorted(k for k in os.environ if k not in ("PYTHONPATH", "TWOCOOKS_ARENA")),
    "fds": sorted(os.listdir("/proc/self/fd")),
    "find": type(sys.modules["_frozen_importlib"]._find_and_load).__name__,
}))
"""


def view(env: dict[str, str] | None = None) -> dict[str, object]:
    """The program's view of itself without the agent."""
    full = {**os.environ, **(env or {})}
    done = subprocess.run(
        [sys.executable, "-c", VIEW], capture_output=True, text=True, check=True, env=full
    )
    seen: dict[str, object] = json.loads(done.stdout)
    return seen


def test_the_program_sees_the_same_of_itself() -> None:
    assert json.loads(run_watched(["-c", VIEW]).stdout) == view()


def test_an_older_pythonpath_stays(tmp_path: Path) -> None:
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'b'}"}
    assert json.loads(run_watched(["-c", VIEW], env=env).stdout) == view(env)


def test_the_programs_own_sitecustomize_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; mine = sys.modules[__name__].__file__\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    program = "import sitecustomize; print(sitecustomize.mine)"
    run = run_watched(["-c", program], env=env)
    assert run.stdout == f"{tmp_path / 'sitecustomize.py'}\n"
    assert len(run.entries("HELLO")) == 1


@pytest.mark.parametrize("body", ["raise ValueError('mine')", "import no_such_module", "1 +"])
def test_an_error_in_the_programs_own_sitecustomize_stays_its_own(
    tmp_path: Path, body: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(body + "\n")
    env = {"PYTHONPATH": str(tmp_path)}
    run = run_watched(["-c", "print(1)"], env=env, expect=None)
    plain = subprocess.run(
        [sys.executable, "-c", "print(1)"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.code, run.stdout, run.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize("arena", ["/nowhere", "", "/dev/null", "/proc/self/exe", str(BOOT)])
def test_an_arena_that_is_none_means_no_agent(arena: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(BOOT), "TWOCOOKS_ARENA": arena}
    done = subprocess.run(
        [sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0)); print(1)"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize(("at", "value"), [(0, b"x"), (8, b"\x09"), (16, b"\x01")])
def test_an_arena_of_another_kind_is_left_alone(at: int, value: bytes) -> None:
    """Another magic, a newer version, another page size."""
    arena = Arena(4)
    arena.map[at : at + 1] = value
    before = arena.map[:]
    subprocess.run([sys.executable, "-c", "1"], env=environment(arena), check=True)
    assert arena.map[:] == before
    arena.close()


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        (["-c", "1"], "-c"),
        (["-X", "dev", "-W", "ignore", "-Bc", "1"], "-c"),
        (["-m", "this"], "this"),
        (["-mthis"], "this"),
        (["-Xdev", str(Path(__file__).with_name("__init__.py"))], None),
    ],
)
def test_hello_says_what_runs(arguments: list[str], script: str | None) -> None:
    (hello,) = run_watched(arguments).entries("HELLO")
    assert hello.parts == ["cpython", script or arguments[-1], sys.executable]
    assert hello.fields[0] == sys.hexversion
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    assert hello.fields[1] == (4 if free_threaded else 1)
    assert hello.fields[2] > 0


def test_outermost_imports_are_told_once_each(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("import inner\n")
    (tmp_path / "inner.py").write_text("")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import outer, inner\n"
        "try: import no_such_module\n"
        "except ImportError as error: print(error.name)\n"
    )
    run = run_watched(["-c", program, str(tmp_path)])
    assert run.stdout == "no_such_module\n"
    story = [(e.name, e.text) for e in run.entries("IMPORT", "IMPORT_END")]
    start = story.index(("IMPORT", "outer"))
    assert story[start:] == [
        ("IMPORT", "outer"),
        ("IMPORT_END", None),
        ("IMPORT", "no_such_module"),
        ("IMPORT_END", None),
    ]


def test_the_end_comes_after_the_programs_own_exit_functions() -> None:
    code = "import atexit; atexit.register(lambda: __import__('colorsys'))"
    run = run_watched(["-c", code])
    names = [entry.name for entry in run.entries("IMPORT", "IMPORT_END", "MAIN_END")]
    assert names[-3:] == ["IMPORT", "IMPORT_END", "MAIN_END"]


def test_children_are_followed_through_exec_and_fork() -> None:
    program = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", "1"], check=True)
subprocess.run([sys.executable, "-c", "2"], check=True, env=dict(os.environ, X="1"))
subprocess.run([sys.executable, "-I", "-c", "3"], check=True)
if os.fork() == 0:
    import this
    os._exit(0)
os.wait()
"""
    run = run_watched(["-W", "ignore", "-c", program])
    assert [e.fields[1] & 2 for e in run.entries("HELLO")] == [0, 0, 0, 2]
    assert len({thread.pid for thread in run.threads}) == 4


def test_without_room_events_are_counted_and_the_program_goes_on() -> None:
    program = """
import asyncio, threading
async def main():
    for _ in range(3000): await asyncio.sleep(0)
asyncio.run(main())
"""
    run = run_watched(["-c", program], pages=2)
    whole = run_watched(["-c", program], pages=64)
    assert whole.lost == 0
    (told,) = run.threads
    assert len(told.entries) + run.lost == len(whole.entries())
    assert run.lost > 0


def test_a_closed_arena_takes_no_more() -> None:
    arena = Arena(8)
    arena.map[20:24] = b"\x01\0\0\0"
    done = subprocess.run(
        [sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0)); print(1)"],
        env=environment(arena),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert arena.threads() == []
    arena.close()


def test_sub_interpreters_run_undisturbed() -> None:
    interpreters = pytest.importorskip(
        "_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters"
    )
    assert interpreters
    program = f"""
import asyncio, {interpreters.__name__} as interpreters
async def main():
    for _ in range(10): await asyncio.sleep(0.0001)
asyncio.run(main())
made = interpreters.create()
interpreters.run_string(made, '''
import asyncio
async def main():
    for _ in range(10): await asyncio.sleep(0.0001)
asyncio.run(main())
print("inner", flush=True)
''')
interpreters.destroy(made)
asyncio.run(main())
print("outer")
"""
    run = run_watched(["-W", "ignore", "-c", program])
    assert run.stdout == "inner\nouter\n"
    assert len(run.entries("STEP")) == len(run.entries("STEP_END", "STEP_YIELD", "STEP_DONE"))


def test_a_second_copy_of_asyncio_is_followed_too() -> None:
    program = """
import asyncio, sys
async def main(): await asyncio.sleep(0)
asyncio.run(main())
for name in [n for n in sys.modules if n.partition(".")[0] in ("asyncio", "_asyncio")]:
    del sys.modules[name]
import asyncio
asyncio.run(main())
"""
    run = run_watched(["-c", program])
    mains = [e for e in run.entries("TASK_NAME") if e.parts[1] == "main"]
    assert len(mains) == 2
    assert len(run.entries("STEP")) == 2 * len(
        run_watched(["-c", program.split("for")[0]]).entries("STEP")
    )


@pytest.mark.skipif(
    getattr(sys, "_is_gil_enabled", lambda: True)(), reason="only where the GIL is off"
)
def test_an_import_that_switches_the_gil_on_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.c").write_text(
        "#include <Python.h>\n"
        'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "oldext", 0, -1, 0};\n'
        "PyMODINIT_FUNC PyInit_oldext(void) { return PyModule_Create(&d); }\n"
    )
    include = sysconfig.get_paths()["include"]
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-I{include}", "old.c", "-o", "oldext.so"],
        cwd=tmp_path,
        check=True,
    )
    (tmp_path / "outer.py").write_text("import oldext\n")
    run = run_watched(["-W", "ignore", "-c", "import outer"], env={"PYTHONPATH": str(tmp_path)})
    assert [entry.text for entry in run.entries("GIL_ON")] == ["oldext"]
