"""An asyncio echo server in one process, four asyncio clients in another."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection

from stopwatch import measure

CLIENTS, MESSAGES = 4, 1_000


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


def serve(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        server.close()

    asyncio.run(main())


async def client(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for n in range(MESSAGES):
        writer.write(b"message %d\n" % n)
        await reader.readline()
    writer.close()


async def clients(port: int) -> None:
    await asyncio.gather(*(client(port) for _ in range(CLIENTS)))


def work() -> int:
    mine, other = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=serve, args=(other,))
    process.start()
    asyncio.run(clients(mine.recv()))
    mine.send("done")
    process.join()
    return CLIENTS * MESSAGES


if __name__ == "__main__":
    measure(work)
