"""Two processes begun by the start method "forkserver"."""

import multiprocessing

from work import burn

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=burn, args=(0.8,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
