"""Two threads, each in an interpreter of its own: each has its own GIL."""

import threading

import _interpreters

WORK = """
import time
end = time.thread_time() + 0.8
total = 0
while time.thread_time() < end:
    for i in range(300):
        total += i * i
"""

if __name__ == "__main__":
    ids = [_interpreters.create() for _ in range(2)]
    threads = [threading.Thread(target=_interpreters.run_string, args=(i, WORK)) for i in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("interpreters", len(ids))
