"""One program sorts one file, and splits the work inside itself."""

import os
import random
import subprocess
import tempfile

with tempfile.NamedTemporaryFile("w") as file:
    numbers = random.Random(1)
    file.writelines(f"{numbers.getrandbits(48):012x}\n" for _ in range(400_000))
    file.flush()
    command = ["sort", "--parallel=2", "-S", "200M", "-o", os.devnull, file.name]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
