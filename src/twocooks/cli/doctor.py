"""What this machine lets twocooks see, and the exact setting that would change it.

twocooks doctor
"""

from __future__ import annotations

import platform
import sys

from twocooks.cli import common
from twocooks.model import printable
from twocooks.record import machine

Row = tuple[str, str, list[str]]
"""What was looked at, what was found, and lines on what to do."""


def main(argv: list[str]) -> int:
    if argv:
        common.fail("doctor takes no arguments")
    unicode = common.place(sys.stdout).unicode
    for name, found, lines in rows():
        print(f"{name:<12} {printable(found)}")
        for line in lines:
            print(f"{'':<12} {'→' if unicode else '->'} {printable(line)}")
    return 0


def rows() -> list[Row]:
    """All findings of this machine, now."""
    result = [_python(), _system()]
    if platform.system() == "Linux":
        around = machine.surroundings()
        result += [switches(machine.try_kernel(), around), labels(around), _cores(), _free()]
        if around.container:
            result.append(
                ("container", f"{around.container} (a guess from what is visible inside)", [])
            )
    return [*result, _parts()]


def _python() -> Row:
    free_threaded, on = machine.gil()
    if not free_threaded:
        state = "with the GIL: one thread at a time runs Python code"
    elif on:
        state = (
            "free-threaded build, but the GIL is switched on: one thread at a time runs Python code"
        )
    else:
        state = "free-threaded: threads can run Python code at the same moment"
    version = platform.python_version()
    return "Python", f"{platform.python_implementation()} {version}, {state}", []


def _system() -> Row:
    system, processor = platform.system(), platform.machine()
    found = f"{system} {platform.release()}, {processor}"
    if system == "Linux" and processor in ("x86_64", "AMD64"):
        return "system", found, []
    return "system", found, ["recording needs Linux x86-64; report, check and dump work here"]


def switches(code: int, around: machine.Surroundings) -> Row:
    """Whether each switch can be seen. ``code``: 0, or the errno of the kernel's refusal."""
    level = "" if around.paranoid is None else f" (kernel.perf_event_paranoid {around.paranoid})"
    if code == 0:
        return "switches", f"exact: the kernel tells each switch{level}", []
    why, remedies = machine.why_not(code, around)
    return (
        "switches",
        f"estimated, by polling: {why}",
        ["to make it exact:", *remedies] if remedies else [],
    )


def labels(around: machine.Surroundings) -> Row:
    """Whether the reason of a wait can be read from the outside."""
    if not around.yama:
        return "waits", "their reasons can be read", []
    if around.yama == 1:
        return "waits", "their reasons can be read in programs that twocooks starts (Yama 1)", []
    return (
        "waits",
        f"their reasons stay unknown: kernel.yama.ptrace_scope is {around.yama}",
        [
            "sudo sysctl kernel.yama.ptrace_scope=1",
        ]
        if around.yama == 2
        else ["it can only be lowered by a restart of the machine"],
    )


def _cores() -> Row:
    usable, online, quota = machine.usable_cpus(), machine.online_cpus(), machine.cgroup_quota()
    found = f"{len(usable)} usable of {online}"
    lines: list[str] = []
    if quota is not None:
        found += f", with a quota of {quota:.3g} (cgroup)"
    if min(len(usable), quota or len(usable)) < 2:
        lines.append("with less than two cores nothing can run at the same moment")
    shared = machine.smt_siblings(usable)
    if shared:
        found += (
            "; some are two halves of one core: "
            + ", ".join("+".join(map(str, group)) for group in shared[:4])
            + (" ..." if len(shared) > 4 else "")
        )
    return "cores", found, lines


def _free() -> Row:
    cpus = machine.usable_cpus()
    measured = machine.free_cores(cpus, 0.25)
    if measured is None:
        return "free now", "could not be measured", []
    free, stolen = measured
    found = f"{free:.1f} of {len(cpus)} cores"
    if stolen >= 0.05:
        found += f"; {stolen:.1f} taken away by the hypervisor"
    busy = len(cpus) >= 2 and free < 1.6
    return (
        "free now",
        found,
        ["other programs are busy: run again when it is quiet"] if busy else [],
    )


def _parts() -> Row:
    """Whether the compiled parts are there: without them nothing is recorded or read fast."""
    import importlib.util

    parts = ("_codec", "_tables", "_core", "record.agent._agent")
    wanted = [f"twocooks.{name}" for name in parts]
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    from twocooks import __version__

    if missing and platform.system() == "Linux":
        return (
            "twocooks",
            f"{__version__}, without {', '.join(missing)}",
            ["install it again: it needs a C compiler"],
        )
    return "twocooks", f"{__version__}, all parts are there", []
