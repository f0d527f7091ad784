"""A thousand timers, one cook."""

import asyncio
import time


async def client() -> None:
    await asyncio.sleep(0.2)


async def main() -> None:
    begin, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(client() for _ in range(1000)))
    print("took_s", time.monotonic() - begin)
    print("cpu_s", time.process_time() - cpu)


asyncio.run(main())
