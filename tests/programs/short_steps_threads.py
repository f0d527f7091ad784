"""``short_steps`` with threads instead of processes: with the GIL the steps of two loops coincide
only while it changes hands."""

import threading

from short_steps import serve

if __name__ == "__main__":
    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("two loops", len(threads))
