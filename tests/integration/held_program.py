"""Programs whose holders are known. Prints, as JSON, who had the lock or the GIL, and when.

    held_program.py locks with|acquire|rlock compute|sleep     four threads, one lock
    held_program.py gil                                        a call that keeps the GIL
    held_program.py deadlock both|calls [killed]               two threads, two locks; never ends,
                                                               or kills itself after a second
"""

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time

BLOCK = bytes(1 << 20)
HOLD_S = 0.025
ROUNDS = 4
said = []


def told(begin):
    said.append((threading.get_native_id(), begin, time.monotonic_ns()))


def hold(how):
    if how == "sleep":
        time.sleep(HOLD_S)
        return
    end = time.thread_time() + HOLD_S
    while time.thread_time() < end:
        hashlib.sha256(BLOCK)


def in_body(lock, how):
    for _ in range(ROUNDS):
        with lock:
            begin = time.monotonic_ns()
            hold(how)
            told(begin)


def between_calls(lock, how):
    for _ in range(ROUNDS):
        lock.acquire()
        begin = time.monotonic_ns()
        hold(how)
        told(begin)
        lock.release()


def locks(style, how):
    lock = threading.RLock() if style == "rlock" else threading.Lock()
    work = between_calls if style == "acquire" else in_body
    run([threading.Thread(target=work, args=(lock, how)) for _ in range(4)])


def sorts():
    """One call of `sorted` that takes long, whatever the machine."""
    values = [random.random() for _ in range(100_000)]
    while True:
        begin, work = time.monotonic_ns(), time.thread_time()
        sorted(values)
        if time.thread_time() - work > 0.3:
            break
        values += [random.random() for _ in values]
    told(begin)
    done.set()


def counts():
    number = 0
    while not done.is_set():
        number += 1


done = threading.Event()


def gil():
    run([threading.Thread(target=f, name=f.__name__) for f in (sorts, counts)])


def both(mine, other, meet, met):
    with mine:
        meet.wait()
        met.append(threading.get_native_id())
        with other:
            print("never")


def calls(mine, other, meet, met):
    mine.acquire()
    try:
        meet.wait()
        met.append(threading.get_native_id())
        if other.acquire(timeout=1000):
            print("never")
            other.release()
    finally:
        mine.release()


def blocked(tid):
    with open(f"/proc/self/task/{tid}/syscall") as file:
        return file.read().startswith("202 ")


def deadlock(way, end=""):
    rice, dal = threading.Lock(), threading.Lock()
    meet, met = threading.Barrier(2), []
    pairs = {"Meera": (rice, dal), "Ravi": (dal, rice)}
    for name, (mine, other) in pairs.items():
        work = (mine, other, meet, met)
        thread = threading.Thread(target=globals()[way], args=work, name=name, daemon=True)
        thread.start()
    looks = 0  # one may still pass through another lock: both blocked, for 50 looks on end
    while looks < 50:
        looks = looks + 1 if len(met) == 2 and all(map(blocked, met)) else 0
        time.sleep(0.001)
    open("up", "w").close()
    if end == "killed":
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
    thread.join()


def run(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(said))
