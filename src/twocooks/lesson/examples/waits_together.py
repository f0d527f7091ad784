"""Five waits: one after another, then together."""

import asyncio
import time


async def main() -> None:
    begin = time.monotonic()
    for _ in range(5):
        await asyncio.sleep(0.05)
    print("in_a_row_s", time.monotonic() - begin)
    begin = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(5)))
    print("together_s", time.monotonic() - begin)


asyncio.run(main())
