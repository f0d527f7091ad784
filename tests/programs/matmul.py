"""One task whose matrix product numpy splits over two native threads."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "2"

import time

import numpy as np


def main() -> None:
    a = np.ones((500, 500))
    end = time.process_time() + 1.6
    b = a
    while time.process_time() < end:
        b = a @ a
    print("corner", b[0, 0])


if __name__ == "__main__":
    main()
