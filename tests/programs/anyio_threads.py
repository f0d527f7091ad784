"""anyio hands blocking work to threads that need no GIL, on asyncio and then on trio."""

import functools

import anyio
import anyio.to_thread
from work import hash_block, hashes_for


def cook(count: int, done: list[int]) -> None:
    for _ in range(count):
        hash_block()
    done.append(count)


async def main(count: int) -> int:
    done: list[int] = []
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(functools.partial(anyio.to_thread.run_sync, cook, count, done))
    return len(done)


if __name__ == "__main__":
    count = hashes_for(0.5)
    told = [f"done {anyio.run(main, count, backend=b)} by {b}" for b in ("asyncio", "trio")]
    print(", ".join(told))
