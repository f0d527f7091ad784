"""One program sorts one file, and splits the work inside itself: Python gives way to `sort`."""

import os
import tempfile

with tempfile.TemporaryFile() as file:
    file.write(os.urandom(18_000_000).hex("\n", 6).encode())  # three million lines
    file.flush()
    os.set_inheritable(file.fileno(), True)
    same = f"/proc/self/fd/{file.fileno()}"
    command = ["sort", "--parallel=2", "-S", "300M", "-o", os.devnull, same]
    os.execvpe("sort", command, {**os.environ, "LC_ALL": "C"})
