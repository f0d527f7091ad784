"""One program sorts one file, and splits the work inside itself."""

import os
import subprocess
import tempfile

with tempfile.NamedTemporaryFile("w") as file:
    file.write(os.urandom(6_000_000).hex("\n", 6))  # a million lines
    file.flush()
    command = ["sort", "--parallel=2", "-S", "300M", "-o", os.devnull, file.name]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
