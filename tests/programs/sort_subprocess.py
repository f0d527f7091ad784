"""One child program that sorts with two threads: one task, many hands."""

import os
import random
import subprocess
import tempfile


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "numbers")
        pick = random.Random(1).getrandbits
        with open(path, "w") as file:
            file.write("\n".join(f"0.{pick(64)}" for _ in range(300_000)) + "\n")
        command = ["sort", "-g", "--parallel=2", "--buffer-size=1G", "--output=/dev/null", path]
        subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    print("sorted")


if __name__ == "__main__":
    main()
