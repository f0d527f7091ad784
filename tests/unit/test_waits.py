"""The recorder's table of waiting threads, against real blocked threads and invented switches."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.kit import cbuild

MS = 1_000_000
NO_LIMIT = 10_000 * MS
TEXT, LOOK, HOLDER, FILE, PEER, LINE = 48, 49, 50, 52, 53, 54
SLEEPER = """
import ctypes, json, os, sys, threading
quiet, _ = os.pipe()
def held(ready):
    ready.set()
    os.read(quiet, 1)
tids = []
for _ in range(int(sys.argv[1])):
    ready = threading.Event()
    thread = threading.Thread(target=held, args=(ready,), daemon=True)
    thread.start()
    ready.wait()
    tids.append(thread.native_id)
for tid in tids:
    while open(f"/proc/self/task/{tid}/syscall").read().split()[0] != "0":
        os.sched_yield()
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
print(json.dumps({"pid": os.getpid(), "tids": tids, "runtime": runtime, "hex": sys.hexversion}),
      flush=True)
sys.stdin.read()
os._exit(0)
"""


class Counts(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("looked", "missed", "denied", "frames", "spent_ns", "torn")
    ]


class Bytes(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("len", ctypes.c_size_t), ("cap", ctypes.c_size_t),
                ("failed", ctypes.c_int)]  # fmt: skip


class Stream(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("key_a", ctypes.c_uint64), ("key_b", ctypes.c_uint64),
                ("payload", Bytes), ("last_ns", ctypes.c_uint64), ("last_task", ctypes.c_uint64),
                ("thread", ctypes.c_uint64), ("records", ctypes.c_uint32)]  # fmt: skip


class Look(NamedTuple):
    time: int
    pid: int
    tid: int
    took: int
    syscall: int
    arg: int
    kind: int
    where: str


P, U32, U64 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
SIGNATURES = {
    "tc_waits_new": (P, []),
    "tc_waits_free": (None, [P]),
    "tc_waits_on": (None, [P, U32, U32, U64]),
    "tc_waits_off": (None, [P, U32, U32, U64, ctypes.c_int]),
    "tc_waits_gone": (None, [P, U32]),
    "tc_waits_process": (None, [P, U32, U64, U32]),
    "tc_waits_exec": (None, [P, U32]),
    "tc_waits_sample": (ctypes.c_int, [P, U64, ctypes.POINTER(Stream)]),
    "tc_waits_label": (ctypes.c_int, [P, U64, U64, U64, ctypes.POINTER(Stream)]),
    "tc_waits_pending": (ctypes.c_size_t, [P]),
    "tc_waits_urgent": (U64, [P]),
    "tc_waits_counts": (None, [P, ctypes.POINTER(Counts)]),
    "tc_stream_init": (None, [ctypes.POINTER(Stream), U32, U64, U64]),
    "tc_stream_flush": (None, [ctypes.POINTER(Stream), ctypes.POINTER(Bytes)]),
}


class Waits:
    """tc_waits, and what it wrote."""

    def __init__(self) -> None:
        self.lib = cbuild.library(
            "src/core/waits.c", "src/core/encode.c",
            "src/core/peek.c", "src/core/peek_code.c", "src/core/peek_find.c",
            "src/core/peek_held.c", "src/core/peek_bare.c", "src/core/peek_flow.c",
            "src/core/search.c", "src/core/texts.c",
            "src/core/files.c", "src/core/ends.c", "src/core/delay.c",
        )  # fmt: skip
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.at = self.lib.tc_waits_new()
        self.stream = Stream()
        self.lib.tc_stream_init(self.stream, 3, 0, 0)
        self.texts = {0: ""}
        self.files: list[tuple[int, str]] = []
        self.stood: list[tuple[int, int]] = []
        self.peers: list[tuple[int, int, int]] = []
        self.holders: list[tuple[int, int, int, int, str]] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.lib, f"tc_waits_{name}")
        return lambda *arguments: function(self.at, *arguments)

    def look(self, now: int, min_age: int = 0, budget: int = NO_LIMIT) -> list[Look]:
        """The looks of one label call."""
        return self._put(self.label(now, min_age, budget, self.stream))

    def chance(self, now: int) -> list[Look]:
        """The look of one sample call."""
        return self._put(self.sample(now, self.stream))

    def _put(self, count: int) -> list[Look]:
        out = Bytes()
        self.lib.tc_stream_flush(self.stream, out)
        found = list(self._looks(ctypes.string_at(out.at, out.len))) if out.len else []
        assert len(found) == count
        return found

    def _looks(self, data: bytes) -> Iterator[Look]:
        words = data[12:]  # one block: its head, then varints, and texts of ASCII only
        at = 0

        def number() -> int:
            nonlocal at
            value = shift = 0
            while True:
                byte = words[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        _kind, _a, _b, clock = (number() for _ in range(4))
        while at < len(words):
            head = number()
            clock += head >> 3
            event = {0: LOOK, 1: HOLDER, 3: FILE, 4: PEER, 5: LINE}.get(head & 7) or number()
            if event == TEXT:
                key, size = number(), number()
                self.texts[key] = words[at : at + size].decode()
                at += size
            elif event == FILE:
                tid, what = number(), number()
                self.files.append((tid, self.texts[what]))
            elif event == LINE:
                tid, stood = number(), number()
                self.stood.append((tid, stood))
            elif event == PEER:
                tid, part, pid = number(), number(), number()
                self.peers.append((tid, part, pid))
            elif event == HOLDER:
                _pid, tid, _took, waiter, lock, _turn, how, place = (number() for _ in range(8))
                self.holders.append((tid, waiter, lock, how, self.texts[place]))
            else:
                assert event == LOOK
                fields = [number() for _ in range(7)]
                yield Look(clock, *fields[:6], self.texts[fields[6]])  # type: ignore[arg-type]

    @property
    def counts(self) -> Counts:
        counts = Counts()
        self.lib.tc_waits_counts(self.at, counts)
        return counts


@pytest.fixture
def waits() -> Iterator[Waits]:
    made = Waits()
    yield made
    made.free()


@pytest.fixture(scope="module")
def sleeper() -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "40"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.kill()


def test_one_look_a_wait(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    now = time.monotonic_ns()
    waits.off(pid, tid, now, 0)
    assert waits.pending() == 1
    assert waits.look(now + MS, min_age=2 * MS) == [], "too young"
    (look,) = waits.look(now + 2 * MS, min_age=2 * MS)
    assert (look.pid, look.tid, look.syscall, look.kind) == (pid, tid, 0, 0)
    assert now <= look.time - look.took <= look.time <= time.monotonic_ns()
    assert waits.files == [(tid, os.readlink(f"/proc/{pid}/fd/{look.arg}"))]
    assert waits.pending() == 0
    assert waits.look(now + 100 * MS) == [], "labelled once"
    later = time.monotonic_ns()
    waits.on(pid, tid, later)
    waits.off(pid, tid, later + 1, 0)
    assert [look.tid for look in waits.look(later + 1)] == [tid], "a new wait"


def test_python_says_where(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tids = sleeper["pid"], sleeper["tids"]
    waits.process(pid, sleeper["runtime"], sleeper["hex"])
    now = time.monotonic_ns()
    for tid in tids:
        waits.off(pid, tid, now, 0)
    looks = waits.look(now)
    assert [look.tid for look in looks] == tids
    places = {look.where.split("\x1f")[0] for look in looks}
    assert places == {"<string>:6:held"}
    assert len(waits.texts) == 3, "one text for all, and one for their pipe"
    assert waits.counts.frames == len(tids)


def test_a_program_that_tells_nothing_is_searched(waits: Waits, sleeper: dict[str, Any]) -> None:
    """As after an exec, or where the agent is not let in."""
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.process(pid, sleeper["runtime"], sleeper["hex"])
    waits.exec(pid)
    waits.off(pid, tid, 1000, 0)
    assert waits.look(2000)[0].where.split("\x1f")[0] == "<string>:6:held"


TORN = """
import ctypes, json, os, sys, threading
quiet, _ = os.pipe()
def whole(): os.read(quiet, 1)
def torn(): os.read(quiet, 1)
tids = []
for function in (whole, torn):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    tids.append(thread.native_id)
for tid in tids:
    while open(f"/proc/self/task/{tid}/syscall").read().split()[0] != "0":
        os.sched_yield()
state = id(torn.__code__.co_name) + object.__basicsize__ + 16  # kind, whether it is ASCII ...
ctypes.c_uint32.from_address(state).value = 0
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
os.write(1, json.dumps({"pid": os.getpid(), "tids": tids, "runtime": runtime,
                        "hex": sys.hexversion}).encode() + b"\\n")
os.read(0, 1)
os._exit(0)
"""


def test_what_does_not_hold_together_is_dropped_and_counted(waits: Waits) -> None:
    """A function whose name is no text any more, as in memory that is being written."""
    with subprocess.Popen(
        [sys.executable, "-c", TORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        waits.process(said["pid"], said["runtime"], said["hex"])
        for tid in said["tids"]:
            waits.off(said["pid"], tid, 1000, 0)
        whole, torn = waits.look(2000)
        assert whole.where.split("\x1f")[0].endswith(":whole")
        assert torn.where == ""
        assert (torn.syscall, waits.counts.looked, waits.counts.torn) == (0, 2, 1)
        waits.exec(said["pid"])
        assert waits.counts.torn == 1, "kept when the process is another program"
        process.kill()


def test_a_process_that_ended_and_is_not_reaped_waits_for_nothing(waits: Waits) -> None:
    """As after its last record of a wait, when the recorder is late."""
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        waits.off(process.pid, process.pid, 1000, 0)
        assert waits.look(2000) == []


def test_a_program_without_python_has_no_frames(waits: Waits) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        looks: list[Look] = []
        deadline = time.monotonic() + 90
        while not (looks and looks[0].syscall == 0) and time.monotonic() < deadline:
            waits.on(process.pid, process.pid, time.monotonic_ns())
            waits.off(process.pid, process.pid, time.monotonic_ns(), 0)
            looks = waits.look(time.monotonic_ns())
        assert looks[0].syscall == 0
        assert looks[0].where == ""


def test_a_socket_has_two_ends(waits: Waits) -> None:
    """In a plain recv, and in poll, which Python calls where there is a time limit."""
    code = (
        "import socket, sys\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "s.settimeout(float(sys.argv[2]) or None)\n"
        "s.recv(1)\n"
    )
    for limit, number in (("0", 45), ("600", 7)):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            command = [sys.executable, "-c", code, str(port), limit]
            with subprocess.Popen(command) as process:
                connection, (_, other) = server.accept()
                deadline = time.monotonic() + 60
                looks: list[Look] = []
                while not (looks and looks[0].syscall == number) and time.monotonic() < deadline:
                    waits.files.clear()
                    waits.on(process.pid, process.pid, time.monotonic_ns())
                    waits.off(process.pid, process.pid, time.monotonic_ns(), 0)
                    looks = waits.look(time.monotonic_ns())
                    named = waits.files and waits.files[0][1].startswith("tcp ")
                    looks = looks if named else []
                ((_, what),) = waits.files
                ends = f"tcp 127.0.0.1:{other} > 127.0.0.1:{port} socket:["
                assert what.startswith(ends)
                connection.close()


CALLS_ON_SEVERAL = ("7", "23", "232", "270", "271", "281")
SEVERAL = """
import os, select, socket, sys, threading
pipes = [os.pipe() for _ in range(7)]
own = socket.socketpair()
tcp = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(2)]
def epoll(*files):
    poller = select.epoll()
    for file in files:
        poller.register(file, select.EPOLLIN)
    return poller
def poll(*files):
    poller = select.poll()
    for file in files:
        poller.register(file, select.POLLIN)
    return poller
def disarmed():
    poller = epoll(pipes[0][0])
    poller.register(pipes[1][0], select.EPOLLIN | select.EPOLLONESHOT)
    os.write(pipes[1][1], b"x")
    poller.poll()
    return poller
def another_file():
    kept, poller = os.dup(pipes[0][0]), epoll(pipes[0][0])
    os.dup2(pipes[1][0], pipes[0][0])
    return poller
def show(*files):
    print(*(os.readlink(f"/proc/self/fd/{getattr(f, 'fileno', lambda f=f: f)()}") for f in files),
          flush=True)
CASES = {
    "one beside the loop's own": (epoll(own[0], tcp[0]).poll, tcp[:1]),
    "two": (epoll(tcp[0], own[0], tcp[1]).poll, tcp),
    "only the loop's own": (epoll(own[0]).poll, []),
    "too many": (epoll(*(p[0] for p in pipes)).poll, []),
    "poll": (poll(pipes[0][0], pipes[1][0]).poll, [pipes[0][0], pipes[1][0]]),
    "poll of what has no names": (poll(*own).poll, own),
    "select": (lambda: select.select([pipes[2][0]], [], [tcp[1]], 600), [pipes[2][0], tcp[1]]),
}
name = sys.argv[2]
if name == "one is off":
    CASES[name] = disarmed().poll, [pipes[0][0]]
if name == "another file by now":
    CASES[name] = another_file().poll, []
wait, files = CASES[name]
show(*files)
wait()
"""


@pytest.mark.parametrize(
    "case",
    ["one beside the loop's own", "two", "only the loop's own", "too many", "one is off", "poll",
     "poll of what has no names", "select", "another file by now"],
)  # fmt: skip
def test_a_wait_on_several_names_them_where_they_are_few(waits: Waits, case: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-c", SEVERAL, str(port), case]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            ends = {}
            for _ in range(2):
                connection, (_, other) = server.accept()
                ends[f"tcp 127.0.0.1:{other} > 127.0.0.1:{port}"] = connection
            assert process.stdout
            links = process.stdout.readline().split()
            waiting = Path(f"/proc/{process.pid}/syscall")
            try:
                while waiting.read_text().split()[0] not in CALLS_ON_SEVERAL:
                    assert process.poll() is None
                    os.sched_yield()
                waits.off(process.pid, process.pid, 1000, 0)
                looks = waits.look(2000)
            finally:
                process.kill()
                for connection in ends.values():
                    connection.close()
    assert len(looks) == 1
    if not links:
        assert waits.files == []
        return
    ((_, what),) = waits.files
    if len(links) == 1 and links[0].startswith("socket:"):
        assert what in [f"{end} {links[0]}" for end in ends]
        return
    parts = what.split(", ")
    tcp = [part for part in parts if part in ends]
    assert sorted(part for part in parts if part not in ends) == sorted(
        link for link in links if link.startswith("pipe:") or case == "poll of what has no names"
    )
    assert len(tcp) == len(set(tcp))
    assert len(parts) == len(links)


def test_a_local_socket_with_a_name_has_two_ends(waits: Waits, tmp_path: Path) -> None:
    """The name is the program's word: nothing in it reaches a terminal as an escape."""
    where = str(tmp_path / "a\x1b[31m")
    code = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)\n"
    )
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(where)
        server.listen()
        with subprocess.Popen([sys.executable, "-c", code, where]) as process:
            connection, _ = server.accept()
            deadline = time.monotonic() + 60
            looks: list[Look] = []
            while not (looks and looks[0].syscall == 45) and time.monotonic() < deadline:
                waits.files.clear()
                waits.on(process.pid, process.pid, time.monotonic_ns())
                waits.off(process.pid, process.pid, time.monotonic_ns(), 0)
                looks = waits.look(time.monotonic_ns())
            ((_, what),) = waits.files
            assert what.startswith(f"unix - > {tmp_path}/a?[31m socket:[")
            connection.close()


PEERS = """
import os, socket, select, sys
case, folder = sys.argv[1:]
ready, told = os.pipe()
if case == "pipe":
    wait, other = os.pipe()
    call = lambda: os.read(wait, 1)
elif case == "full pipe":
    other, wait = os.pipe()
    os.set_blocking(wait, False)
    try:
        while True:
            os.write(wait, bytes(4096))
    except BlockingIOError:
        os.set_blocking(wait, True)
    call = lambda: os.write(wait, bytes(4096))
elif case in ("socketpair", "loop"):
    wait, other = (end.detach() for end in socket.socketpair())
    call = socket.socket(fileno=os.dup(wait)).recv
    call = lambda call=call: call(1)
elif case == "unix":
    server = socket.socket(socket.AF_UNIX)
    server.bind(folder + "/at")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(folder + "/at")
    wait, other = server.accept()[0].detach(), client.detach()
    call = lambda: os.read(wait, 1)
elif case == "tcp":
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    wait, other = server.accept()[0].detach(), client.detach()
    call = lambda: os.read(wait, 1)
elif case == "fifo":
    os.mkfifo(folder + "/f")
    other = os.open(folder + "/f", os.O_RDWR)
    wait = os.open(folder + "/f", os.O_RDONLY)
    only = os.open(folder + "/f", os.O_WRONLY)
    os.close(other)
    other = only
    call = lambda: os.read(wait, 1)
own = socket.socketpair()
if case == "loop":
    loop = select.epoll()
    loop.register(wait, select.EPOLLIN)
    loop.register(own[0], select.EPOLLIN)
    call = loop.poll
child = os.fork()
if not child:
    if case != "loop":
        os.close(wait)
    os.write(told, b"x")
    sys.stdin.read()
    os._exit(0)
os.read(ready, 1)
if case == "loop":
    os.close(other)
print(child, flush=True)
call()
"""
WAITS_ON_ONE = {"0": "pipe unix tcp fifo", "1": "full pipe", "45": "socketpair", "232": "loop",
                "281": "loop"}  # fmt: skip


def kernel_tells_peers(case: str) -> bool:
    """Whether this kernel says which socket another one is connected to: not all can."""
    if not hasattr(socket, "AF_NETLINK"):
        return False
    if case == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        server.close()
        ports = struct.pack(">HH", one.getsockname()[1], one.getpeername()[1])
        here = socket.inet_aton("127.0.0.1").ljust(16, b"\0")
        question = struct.pack("=BBBBI", socket.AF_INET, 6, 0, 0, 2**32 - 1) + ports + here * 2
        question += struct.pack("=III", 0, 2**32 - 1, 2**32 - 1)
    else:
        one, other = socket.socketpair()
        question = struct.pack("=BBHIIIII", 1, 0, 0, 2**32 - 1, os.fstat(one.fileno()).st_ino,
                               4, 2**32 - 1, 2**32 - 1)  # fmt: skip
    try:
        with one, other, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as asked:
            asked.settimeout(20)
            asked.send(struct.pack("=IHHII", 16 + len(question), 20, 1, 0, 0) + question)
            answer = asked.recv(4096)
            one.getsockopt(socket.SOL_SOCKET, 71, 8)  # SO_NETNS_COOKIE, Linux 5.14
    except OSError:
        return False
    return struct.unpack_from("=H", answer, 4) == (20,)


def peers_of(waits: Waits, process: subprocess.Popen[str], case: str) -> list[int]:
    """Those that one look at the process names, once it waits."""
    waiting = Path(f"/proc/{process.pid}/syscall")
    while case not in WAITS_ON_ONE.get(waiting.read_text().split()[0], ""):
        assert process.poll() is None
        os.sched_yield()
    waits.peers.clear()
    waits.on(process.pid, process.pid, time.monotonic_ns())
    waits.off(process.pid, process.pid, time.monotonic_ns(), 0)
    assert len(waits.look(time.monotonic_ns())) == 1
    assert {(tid, part) for tid, part, _ in waits.peers} <= {(process.pid, 0)}
    return [pid for _, _, pid in waits.peers]


@pytest.mark.parametrize(
    "case", ["pipe", "full pipe", "socketpair", "unix", "tcp", "fifo", "loop"]
)  # fmt: skip
def test_who_has_the_other_end(waits: Waits, tmp_path: Path, case: str) -> None:
    if case in ("socketpair", "unix", "tcp", "loop") and not kernel_tells_peers(case):
        pytest.skip("needs a kernel that tells the other end of a socket")
    command = [sys.executable, "-c", PEERS, case, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        try:
            waits.process(child, 0, 0)
            # Both have the other end, where nobody closed it; the one that waits comes last.
            both = [child] if case == "loop" else [child, process.pid]
            assert peers_of(waits, process, case) == both
            os.kill(child, signal.SIGKILL)
            while os.path.exists(f"/proc/{child}/fd/0"):  # its files are closed at its end
                os.sched_yield()
            if case != "loop":
                assert peers_of(waits, process, case) == [process.pid]
        finally:
            process.kill()


def test_who_is_no_part_of_the_program_is_not_named(waits: Waits, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PEERS, "pipe", str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            assert peers_of(waits, process, "pipe") == [process.pid]
        finally:
            process.kill()


INSIDE = """
import ctypes, sys, threading, _thread
class Bowl(list):
    pass
def append(bowl):
    told.append(threading.get_native_id())
    bowl.append(1)
told = []
bowls = [[], Bowl()]
for n, bowl in enumerate(bowls):
    ctypes.pythonapi.PyMutex_Lock(ctypes.c_void_p(id(bowl) + 10))
    threading.Thread(target=append, args=(bowl,), daemon=True).start()
    while len(told) < n + 1:
        pass
lock = threading.Lock()
lock.acquire()
def acquire():
    told.append(threading.get_native_id())
    lock.acquire()
threading.Thread(target=acquire, daemon=True).start()
while len(told) < 3:
    pass
print(*told, flush=True)
sys.stdin.read()
"""
STOPPED = """
import gc, threading
heap = [[i] for i in range(200_000)]
def spin():
    print(threading.get_native_id(), flush=True)
    while True:
        pass
threading.Thread(target=spin, daemon=True).start()
while True:
    gc.collect()
"""
without_gil = pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="only a free-threaded Python has them"
)


FUTEX = """
import sys, threading
def acquire():
    print(threading.get_native_id(), flush=True)
    lock.acquire()
lock = threading.Lock()
lock.acquire()
threading.Thread(target=acquire, daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.skipif(
    not os.path.exists("/proc/self/schedstat"), reason="this kernel keeps no such account"
)
def test_a_wait_for_a_thread_is_looked_at_with_how_long_it_stood_in_line(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FUTEX], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tid = int(process.stdout.readline())
        about = Path(f"/proc/{process.pid}/task/{tid}")
        try:
            blocked = 0  # it may pass through another wait: the same number of turns, for 50 looks
            turns = ""
            while blocked < 50:
                assert process.poll() is None
                now = (about / "schedstat").read_text().split()[2]
                waiting = (about / "syscall").read_text().startswith("202 ")
                blocked = blocked + 1 if waiting and now == turns else 0
                turns = now
                os.sched_yield()
            waits.off(process.pid, tid, time.monotonic_ns(), 0)
            assert len(waits.chance(time.monotonic_ns())) == 1
            assert waits.pending() == 1, "who is in the way is asked when it is old enough"
            assert len(waits.look(time.monotonic_ns())) == 1
            assert waits.pending() == 0
            line = int((about / "schedstat").read_text().split()[1])
        finally:
            process.kill()
    assert waits.stood == [(tid, line)] * 2


@without_gil
def test_the_lock_inside_an_object_is_told_from_others(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INSIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tids = [int(word) for word in process.stdout.readline().split()]
        try:
            for tid in tids:
                while Path(f"/proc/{process.pid}/task/{tid}/syscall").read_text()[:4] != "202 ":
                    assert process.poll() is None
                    os.sched_yield()
                waits.off(process.pid, tid, time.monotonic_ns(), 0)
            looks = waits.look(time.monotonic_ns())
        finally:
            process.kill()
    assert [look.tid for look in looks] == tids
    assert [look.kind for look in looks][:2] == [5, 5]
    assert [look.arg % 16 for look in looks][:2] == [10, 10]
    assert looks[2].kind in (2, 3)
    assert looks[0].where.split("\x1f")[0] == "<string>:7:append"
    assert waits.files == [(tids[0], "object:list"), (tids[1], "object:Bowl")]


@without_gil
def test_a_thread_that_the_interpreter_stopped_waits_for_no_lock(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tid = int(process.stdout.readline())
        kinds: set[int] = set()
        deadline = time.monotonic() + 60
        try:
            while 6 not in kinds and time.monotonic() < deadline:
                waits.on(process.pid, tid, time.monotonic_ns())
                waits.off(process.pid, tid, time.monotonic_ns(), 0)
                kinds.update(look.kind for look in waits.look(time.monotonic_ns()))
        finally:
            process.kill()
    assert 6 in kinds


def test_who_waits_for_a_core_is_not_looked_at(waits: Waits, sleeper: dict[str, Any]) -> None:
    waits.off(sleeper["pid"], sleeper["tids"][0], 1000, 1)
    assert waits.pending() == 0


def test_the_later_event_of_a_thread_wins(waits: Waits, sleeper: dict[str, Any]) -> None:
    """Rings are drained one after the other: the OUT of one CPU may come after the next IN."""
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.on(pid, tid, 2000)
    waits.off(pid, tid, 1000, 0)
    assert waits.pending() == 0
    waits.off(pid, tid, 3000, 0)
    assert waits.pending() == 1


def test_long_waits_that_end_before_their_look_are_counted(
    waits: Waits, sleeper: dict[str, Any]
) -> None:
    """The recorder comes more often where this happens."""
    pid, (tid, other) = sleeper["pid"], sleeper["tids"][:2]
    waits.off(pid, tid, 1_000_000, 0)
    waits.on(pid, tid, 4_999_999)
    assert waits.urgent() == 0
    waits.off(pid, tid, 6_000_000, 0)
    waits.on(pid, tid, 10_000_000)
    assert waits.urgent() == 1
    begin = time.monotonic_ns()
    waits.off(pid, other, begin - 10, 0)
    assert len(waits.look(begin)) == 1
    waits.on(pid, other, begin + 9_000_000)
    assert waits.urgent() == 1


def test_short_waits_are_looked_at_by_chance(waits: Waits, sleeper: dict[str, Any]) -> None:
    """Each thread's first ones, then one of all in 25 ms; a wait is looked at once."""
    pid, tids = sleeper["pid"], sleeper["tids"][:3]
    now, seen = time.monotonic_ns(), []
    assert waits.chance(now) == [], "nobody waits"
    for _ in range(200):
        for tid in tids:
            waits.off(pid, tid, now, 0)
        assert waits.look(now + MS, min_age=2 * MS) == [], "too young"
        seen += [look.tid for look in waits.chance(now + MS)]
        now = time.monotonic_ns() + 2 * MS
        for tid in tids:
            waits.on(pid, tid, now)
    assert set(seen) == set(tids)
    assert len(seen) >= 3 * 12, "the first of each"
    first = len(seen)
    for n in range(100):
        later = now + n * MS
        waits.off(pid, tids[0], later, 0)
        seen += [look.tid for look in waits.chance(later)]
        waits.on(pid, tids[0], later + MS // 2)
    assert 3 <= len(seen) - first <= 5, "100 ms"
    waits.off(pid, tids[1], now + 200 * MS, 0)
    assert len(waits.chance(now + 200 * MS)) == 1
    assert waits.pending() == 0
    assert waits.look(now + 300 * MS) == [], "labelled once"


def test_a_look_ahead_of_the_records_counts(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    begin = time.monotonic_ns()
    waits.off(pid, tid, begin - 10, 0)
    assert len(waits.look(begin)) == 1
    waits.on(pid, tid, begin - 5)
    waits.off(pid, tid, begin - 4, 0)  # drained late: the look was at this wait
    assert waits.pending() == 0


def test_the_budget_bounds_a_call_and_the_next_goes_on(
    waits: Waits, sleeper: dict[str, Any]
) -> None:
    pid, tids = sleeper["pid"], sleeper["tids"]
    now = time.monotonic_ns()
    for age, tid in enumerate(tids):
        waits.off(pid, tid, now + age, 0)
    assert waits.look(now + MS, budget=0) == []
    assert waits.pending() == len(tids)
    order = []
    for _ in tids:
        order += [look.tid for look in waits.look(now + MS, budget=1)]
    assert order == tids, "one a call, oldest first"


def test_ended_threads_are_given_up(waits: Waits, sleeper: dict[str, Any]) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    waits.off(gone.pid, gone.pid, 1000, 0)
    for _ in range(3):
        assert waits.pending() == 1
        assert waits.look(NO_LIMIT) == []
    assert waits.pending() == 0
    assert waits.counts.missed == 1
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.off(pid, tid, 1000, 0)
    waits.gone(tid)
    waits.gone(tid)
    assert waits.pending() == 0


def test_a_running_thread_is_not_labelled(waits: Waits) -> None:
    code = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        waits.off(process.pid, process.pid, 1000, 0)
        for _ in range(3):
            assert waits.look(NO_LIMIT) == []
        process.kill()
    assert (waits.pending(), waits.counts.missed) == (0, 1)


def test_the_tables_hold_many_and_forget(waits: Waits) -> None:
    """20,000 threads of 500 processes come, wait and go, in an order that mixes them."""
    count = 20_000
    tids = [(i * 7919) % count + 1 for i in range(count)]
    for tid in tids:
        waits.off(tid % 500 + 1_000_000, tid, tid, 0)
    assert waits.pending() == count
    for tid in tids[::2]:
        waits.on(tid % 500 + 1_000_000, tid, count + 1)
    assert waits.pending() == count // 2
    for tid in tids:
        waits.gone(tid)
    assert waits.pending() == 0
    for tid in tids[:100]:
        waits.off(5, tid, 1, 0)  # not before 'gone' any more: the number is free again
    assert waits.pending() == 100
