"""Programs that measure themselves: what they begin with, and how they are run.

Each runs in a process of its own, without root's rights, and prints one JSON object of what it saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.kit.watched import ROOT, Place, drop_root

LIMIT_S = 60
BEGIN = """
import asyncio, hashlib, json, os, sys, threading, time
import twocooks

def burn(cpu_s):
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        sum(range(300))

def hashes(cpu_s):
    data, end = bytes(1 << 20), time.thread_time() + cpu_s
    while time.thread_time() < end:
        hashlib.sha256(data)

def together(function, *arguments, count=2):
    threads = [threading.Thread(target=function, args=arguments) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def say(**what):
    print(json.dumps(what), flush=True)
"""


def wait_for_recorders(of: int) -> None:
    """Until those of this process are gone: the kernel's buffers are shared by all of a user."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if str(of).encode() not in words or not any(b"record.helper" in w for w in words):
                continue
            ended = os.pidfd_open(int(name))
            try:
                assert select.select([ended], [], [], LIMIT_S)[0], "a recorder stays"
            finally:
                os.close(ended)


def run(place: Place, code: str, *, deny: str = "", cwd: bool = False) -> Any:
    """Runs the program to its end; what it printed, as JSON. ``cwd``: in its own folder."""
    file = place.folder / "program.py"
    file.write_text(BEGIN + textwrap.dedent(code))
    refusing = [sys.executable, "-m", "tests.kit.deny_perf", deny] if deny else []
    program = subprocess.Popen(
        [*drop_root(), *refusing, sys.executable, str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=place.folder if cwd else ROOT, env={**place.env, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    out, err = program.communicate(timeout=LIMIT_S)
    wait_for_recorders(program.pid)
    assert program.returncode == 0, err
    assert err == ""
    return json.loads(out)
