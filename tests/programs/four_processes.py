"""Four processes on two cores: two work, two stand behind them, and they swap."""

import multiprocessing

from work import burn, two_cores

if __name__ == "__main__":
    two_cores()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=burn, args=(0.5,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
