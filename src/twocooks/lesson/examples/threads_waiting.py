"""Twenty threads that wait."""

import threading
import time

begin = time.monotonic()
cpu = time.process_time()
cooks = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(20)]
for cook in cooks:
    cook.start()
for cook in cooks:
    cook.join()
print("took_s", time.monotonic() - begin)
print("cpu_s", time.process_time() - cpu)
