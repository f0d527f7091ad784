"""Half of it alone, the other half with a friend."""

import multiprocessing

from work import burn

if __name__ == "__main__":
    burn(0.6)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=burn, args=(0.5,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("alone, then together")
