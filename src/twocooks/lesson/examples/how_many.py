"""How many cores there are, and how many of them this program may use."""

import os
from pathlib import Path

print("machine_says", os.cpu_count())
print("affinity", len(os.sched_getaffinity(0)))
try:  # inside a container; elsewhere the group's own file lies deeper
    quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    print("quota", int(quota) / int(period))
except (OSError, ValueError):
    print("quota none")
