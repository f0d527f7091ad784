"""Two processes compute: two kitchens."""

import multiprocessing

from work import burn

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=burn, args=(0.7,), name=f"kitchen {n}") for n in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
