"""Traces that are small or cheap to make and claim to be enormous, or are enormous in one way.

What reading one costs must grow no faster than its size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from twocooks.format import text
from twocooks.format.decode import INT64_MAX
from twocooks.format.encode import block, file_head, json_block

START = 10**12
META = {
    "twocooks": "0.1.0", "command": ["python", "app.py"], "pid": 10, "source": "kernel",
    "start_ns": START, "cpus": {"usable": [0, 1], "online": 2, "quota": None},
}  # fmt: skip


def _file(
    *streams: tuple[str, Iterable[str]], end: dict[str, object] | None = None, **meta: object
) -> bytes:
    """A trace of these streams: (head, records without their two blanks)."""
    lines = [f"{text.TITLE} 1", "META " + json.dumps(META | meta)]
    for head, records in streams:
        lines.append(f"EVENTS {head}")
        lines += [f"  {record}" for record in records]
    lines.append("END " + json.dumps({"end_ns": START + 10**10, **(end or {})}))
    return text.to_bytes(lines)


def _main() -> Iterator[str]:
    yield f"{START} IN_FULL pid=10 tid=10"
    yield f"{START + 10**9} OUT"


def _hello() -> Iterator[str]:
    yield f"{START} HELLO python={0x030B07F0} flags=1 runtime=0 text=\"cpython\""


def _threads(n: int) -> Iterator[str]:
    yield from _main()
    for k in range(n):
        at = START + 10**9 + 1000 * k
        yield f"{at} FORK pid=10 tid={100 + k} ppid=10 ptid=10"
        yield f"{at + 10} IN_FULL pid=10 tid={100 + k}"
        yield f"{at + 900} OUT"


def _processes(n: int) -> Iterator[str]:
    for k in range(n):
        at = START + 1000 * k
        yield f"{at} FORK pid={100 + k} tid={100 + k} ppid={99 + k} ptid={99 + k}"
        yield f"{at + 10} IN_FULL pid={100 + k} tid={100 + k}"
        yield f"{at + 900} OUT_PREEMPTED"


def _tasks(n: int) -> Iterator[str]:
    yield from _hello()
    yield f"{START} LOOP loop=1"
    for k in range(n):
        at = START + 1000 + k * 1000
        yield f"{at} TASK_NEW task={k * 10**9 + 1}"
        yield f'{at} TASK_NAME task={k * 10**9 + 1} text="t{k}\\u001ff{k}\\u001fa.py\\u001f{k}"'
        yield f"{at + 1} STEP task={k * 10**9 + 1}"
        yield f"{at + 900} STEP_DONE"


def _nested(n: int, begin: str, end: str) -> Iterator[str]:
    yield from _hello()
    for k in range(n):
        yield f"{START + 1000 * k + 5} {begin.format(k=k)}"
    for k in reversed(range(n)):
        yield f"{START + 10**9 + 1000 * (n - k)} {end.format(k=k)}"


def _items(n: int) -> Iterator[str]:
    yield from _hello()
    for k in range(n):
        yield f'{START + k} ITEM_NEW item={k} pool={1 + k % 3} text="work\\u001fa.py\\u001f{k}"'
    for k in range(n):
        yield f'{START + 10**8 + 1000 * k} ITEM item={k} text=""'
        yield f"{START + 10**8 + 1000 * k + 900} ITEM_END item={k}"


def _looks(n: int) -> Iterator[str]:
    for k in range(n):
        name = "\\u001f".join([f"f{k}.py:{k}:g"] * 40)
        yield f'{START + 1000 * k} TEXT id={k + 1} text="{name}"'
        yield (
            f"{START + 1000 * k + 500} LOOK pid=10 tid=10 took_ns=400 syscall=202 arg={k} kind=3 "
            f"where={k + 1}"
        )


def _polls(n: int) -> Iterator[str]:
    for k in range(n):
        at = START + 10**8 * (k + 1)
        yield f'{at} POLL_NEW pid={10 + k} tid={10 + k} ppid={max(9 + k, 10)} text="p{k}"'
        yield f"{at} POLL pid={10 + k} tid={10 + k} run_ns={INT64_MAX} line_ns={INT64_MAX} turns=9"
        yield f"{at} POLL_CPU cpu_ns={INT64_MAX}"
        yield f"{at + 5} POLL_TICK took_ns=5"


def _long_names(n: int) -> Iterator[str]:
    yield from _main()
    for k in range(n):
        yield f'{START + k} COMM pid=10 tid=10 text="{chr(97 + k % 26) * 4090}{k:06}"'


def _cpus(n: int) -> list[tuple[str, Iterable[str]]]:
    return [
        (f"KERNEL {cpu} 0", [
            f"{START + cpu} IN_FULL pid=10 tid={cpu + 10}",
            f"{START + cpu + 10**6} LOST count=1000000000 since_ns={10**6}",
            f"{START + cpu + 10**7} OUT_FULL pid=10 tid={cpu + 10}",
        ])
        for cpu in range(min(n, 9000))
    ]  # fmt: skip


def _agent(records: Iterator[str]) -> bytes:
    """What one thread's agent says, beside a little work."""
    return _file(("KERNEL 0 0", _main()), ("AGENT 10 10", records))


def _head(payload: bytes) -> bytes:
    return file_head() + block(1, payload)


BOMBS: dict[str, Callable[[int], bytes]] = {
    "threads": lambda n: _file(("KERNEL 0 0", _threads(n)), ("AGENT 10 10", _hello())),
    "processes": lambda n: _file(("KERNEL 0 0", _processes(n))),
    "tasks": lambda n: _agent(_tasks(n)),
    "items": lambda n: _agent(_items(n)),
    "nested blocks": lambda n: _agent(
        _nested(n, 'BLOCK block={k} text="b\\u001fa.py\\u001f1"', "BLOCK_END block={k}")),
    "nested steps": lambda n: _agent(_nested(n, "STEP task={k}", "STEP_DONE")),
    "nested imports": lambda n: _agent(_nested(n, 'IMPORT text="m{k}"', "IMPORT_END")),
    "looks": lambda n: _file(("KERNEL 0 0", _main()), ("LOOK 0 0", _looks(n // 4))),
    "polls": lambda n: _file(("POLL 0 0", _polls(n)), source="schedstat"),
    "losses": lambda n: _file(
        *_cpus(n), end={"lost": {str(cpu): 2 * 10**9 for cpu in range(min(n, 8192))}}),
    "long names": lambda n: _file(("KERNEL 0 0", _long_names(n // 50))),
    "heads": lambda n: file_head() + b"".join(
        json_block(1, META | {f"k{k}": "x" * 50}) for k in range(n)),
    "a deep head": lambda n: _head(b'{"cpus":' + b"[" * (n * 20) + b"}"),
    "a wide head": lambda n: file_head() + json_block(1, META | {"cpus": {"usable": [1] * n * 9}}),
    "a long number": lambda n: _head(b'{"pid":' + b"9" * (n * 20) + b"}"),
    "a long command": lambda n: file_head() + json_block(1, META | {"command": ["x" * 99] * n}),
}  # fmt: skip
"""By what they claim; each makes a file whose size grows with its argument."""
