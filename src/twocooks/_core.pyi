from array import array
from typing import Literal, TypedDict

class Stats(TypedDict):
    lost: dict[str, int]
    task_clock_ns: int
    switches: int
    kernel_records: int
    agent_records: int
    agent_lost: int
    agent_damaged: int
    agent_threads: int
    agent_tasks: int
    written: int
    looked: int
    missed: int
    denied: int
    torn: int
    unfollowed: int
    stopped_ns: int
    error: int

class Recorder:
    def __new__(cls, fd: int, max_bytes: int = 0) -> Recorder: ...
    def open_rings(
        self, pid: int, cpus: list[int], pages: int, running: bool = False
    ) -> int: ...
    def attach(self, tid: int) -> None: ...
    def found(
        self,
        time_ns: int,
        how: int,
        cpu: int,
        pid: int,
        tid: int,
        maker: int,
        name: bytes | None,
    ) -> None: ...
    def forked(self, last: bool = False) -> dict[int, tuple[int, int]]: ...
    def open_arena(self, fd: int, npages: int, ticks: bool = True) -> None: ...
    def run(self, until_ns: int, pidfd: int) -> Literal["time", "exit", "signal", "size"]: ...
    def put(
        self, time_ns: int, event: int, fields: tuple[int, ...], text: str | None = None
    ) -> None: ...
    def block(self, kind: int, payload: bytes) -> None: ...
    def flush(self) -> None: ...
    def finish(self) -> None: ...
    def settle(self) -> int: ...
    def task_clock_ns(self) -> int: ...
    def stats(self) -> Stats: ...

def read_accounts(
    fds: array[int], told: array[int], first: int
) -> list[tuple[int, int, int, int]]: ...

def spawn(argv: list[bytes], envp: list[bytes], fds: tuple[int, ...]) -> int: ...
def trust(pid: int) -> bool: ...
