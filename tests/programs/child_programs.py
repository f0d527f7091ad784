"""Two child programs, begun by subprocess, compute at the same moment."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    command = [sys.executable, "-c", "import work; work.burn(0.7)"]
    children = [subprocess.Popen(command, cwd=HERE) for _ in range(2)]
    print("exit codes", [child.wait() for child in children])
