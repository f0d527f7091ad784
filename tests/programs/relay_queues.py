"""Two threads hand one plate to and fro over queues.

The pieces are long, for at each hand-over the giver works on for some 0.1 ms beside the taker where
there is no GIL.
"""

import queue
import threading

from work import burn

ROUNDS = 24


def worker(inbox: "queue.Queue[int]", outbox: "queue.Queue[int]") -> None:
    for _ in range(ROUNDS):
        plate = inbox.get()
        burn(0.016)
        outbox.put(plate + 1)


if __name__ == "__main__":
    wash: queue.Queue[int] = queue.Queue()
    dry: queue.Queue[int] = queue.Queue()
    threads = [threading.Thread(target=worker, args=pair) for pair in ((wash, dry), (dry, wash))]
    for thread in threads:
        thread.start()
    wash.put(0)
    for thread in threads:
        thread.join()
    print("plates", wash.get())
