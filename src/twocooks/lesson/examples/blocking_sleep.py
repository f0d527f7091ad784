"""Five waits of 0.1 s: blocking, awaited, and handed to threads."""

import asyncio
import time


async def blocking() -> None:
    time.sleep(0.1)


async def main() -> None:
    begin = time.monotonic()
    await asyncio.gather(*(blocking() for _ in range(5)))
    print("blocking_s", time.monotonic() - begin)
    begin = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(5)))
    print("awaited_s", time.monotonic() - begin)
    begin = time.monotonic()
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.1) for _ in range(5)))
    print("threads_s", time.monotonic() - begin)


asyncio.run(main())
