"""Two processes, each with an event loop and four coroutines: an ordinary web server."""

import asyncio
import multiprocessing
from collections.abc import Callable

from async_chop import chop


async def kitchen() -> None:
    await asyncio.gather(*(chop(n) for n in range(4)))


def serve() -> None:
    asyncio.run(kitchen())


def in_two_processes(serve: Callable[[], None]) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=serve) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("two kitchens", [process.exitcode for process in processes])


if __name__ == "__main__":
    in_two_processes(serve)
