"""The hands of the cooks who switch: their own, a worker process's, or a worker thread's.

The cook loop lives in one thread; a piece of a dish is done wherever its cook has hands. A worker
continues the dish it is given (``task(token)``), so that the time counts for the dish.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import queue
import struct
import threading
from typing import Any, Protocol

from twocooks._task import task
from twocooks.kitchen.burn import Hands

_PIECE = struct.Struct("=qd")
"""What a worker process is sent: the dish's token, seconds."""


class Cooks(Protocol):
    """Somebody's hands. ``work`` returns when the piece is done."""

    async def work(self, cook: int, token: int, seconds: float) -> None: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...


class OneCook:
    """The loop's own thread: a dish does its piece in its own step, and all others wait."""

    def __init__(self, rounds: int) -> None:
        self._hands = Hands(rounds)

    async def work(self, cook: int, token: int, seconds: float) -> None:
        self._hands.work(seconds)

    def begin(self) -> None:
        """Nothing to warm up."""

    def end(self) -> None:
        """Nobody to send home."""


class ProcessCooks:
    """A worker process for each cook, forked and warm before the clock starts."""

    def __init__(self, names: tuple[str, ...], rounds: int) -> None:
        context = multiprocessing.get_context("fork")
        self._orders: list[int] = []
        self._replies: list[int] = []
        self._done: dict[int, asyncio.Future[None]] = {}
        self._workers: list[Any] = []
        for name in names:
            order_out, order_in = os.pipe()
            reply_out, reply_in = os.pipe()
            ours = [*self._orders, *self._replies, order_in, reply_out]
            worker = context.Process(
                target=_be_worker, args=(order_out, reply_in, ours, rounds), name=name)
            worker.start()
            os.close(order_out)
            os.close(reply_in)
            self._orders.append(order_in)
            self._replies.append(reply_out)
            self._workers.append(worker)
        for reply in self._replies:
            os.read(reply, 1)  # "I am warm"

    def begin(self) -> None:
        loop = asyncio.get_running_loop()
        for cook, reply in enumerate(self._replies):
            loop.add_reader(reply, self._replied, cook, reply)

    def _replied(self, cook: int, reply: int) -> None:
        if os.read(reply, 1):
            self._done[cook].set_result(None)
        else:
            self._done[cook].set_exception(RuntimeError("a cook has left the kitchen"))
            asyncio.get_running_loop().remove_reader(reply)

    async def work(self, cook: int, token: int, seconds: float) -> None:
        self._done[cook] = asyncio.get_running_loop().create_future()
        os.write(self._orders[cook], _PIECE.pack(token, seconds))
        await self._done[cook]

    def end(self) -> None:
        for order in self._orders:
            os.close(order)
        for worker in self._workers:
            worker.join()


def _be_worker(orders: int, replies: int, others: list[int], rounds: int) -> None:
    """A worker process: a piece at a time, until the orders end."""
    for fd in others:  # the loop's ends, and those of the cooks forked before
        with contextlib.suppress(OSError):
            os.close(fd)
    hands = Hands(rounds)
    hands.work(0.0)
    os.write(replies, b"w")
    while len(order := os.read(orders, _PIECE.size)) == _PIECE.size:
        token, seconds = _PIECE.unpack(order)
        with task(token):
            hands.work(seconds)
        os.write(replies, b"d")


class ThreadCooks:
    """A worker thread for each cook: with a GIL they are two cooks with one apron."""

    def __init__(self, names: tuple[str, ...], rounds: int) -> None:
        self._orders: list[queue.SimpleQueue[tuple[int, float, Any] | None]] = []
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        for name in names:
            orders: queue.SimpleQueue[tuple[int, float, Any] | None] = queue.SimpleQueue()
            thread = threading.Thread(target=self._be, args=(orders, rounds), name=name)
            thread.start()
            self._orders.append(orders)
            self._threads.append(thread)

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()

    def _be(
        self, orders: queue.SimpleQueue[tuple[int, float, Any] | None], rounds: int
    ) -> None:
        hands = Hands(rounds)
        while (order := orders.get()) is not None:
            token, seconds, done = order
            with task(token):
                hands.work(seconds)
            assert self._loop is not None
            self._loop.call_soon_threadsafe(done.set_result, None)

    async def work(self, cook: int, token: int, seconds: float) -> None:
        done = asyncio.get_running_loop().create_future()
        self._orders[cook].put((token, seconds, done))
        await done

    def end(self) -> None:
        for orders in self._orders:
            orders.put(None)
        for thread in self._threads:
            thread.join()
