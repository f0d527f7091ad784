"""What a thread waits on, and who has the other end: of real files, sockets and pipes."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.waiting import Look, Waits


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
