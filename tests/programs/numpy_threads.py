"""Two threads in numpy, each on its own array."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import threading

import numpy as np
from work import cost


def cook(count: int, array: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> None:
    for _ in range(count):
        np.sin(array, out=array)


if __name__ == "__main__":
    arrays = [np.linspace(0.0, 1.0, 400_000) for _ in range(2)]
    spare = np.linspace(0.0, 1.0, 400_000)
    times = max(1, round(0.6 / cost(lambda: np.sin(spare, out=spare))))
    threads = [threading.Thread(target=cook, args=(times, array)) for array in arrays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("equal", bool((arrays[0] == arrays[1]).all()))
