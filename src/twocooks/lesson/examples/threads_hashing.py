"""Two threads in C code that lets go of the GIL; with a word behind it, one lock around each piece.

python threads_hashing.py [locked]
"""

import contextlib
import hashlib
import sys
import threading
import time

BLOCK = bytes(4 << 20)
LOCK: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
if len(sys.argv) > 1:
    LOCK = threading.Lock()


def cook() -> None:
    end = time.thread_time() + 0.4
    while time.thread_time() < end:
        with LOCK:
            hashlib.sha256(BLOCK)


cooks = [threading.Thread(target=cook) for _ in range(2)]
for one in cooks:
    one.start()
for one in cooks:
    one.join()
