"""A program for test_agent_pools: pieces of work for pools, and processes, one kind a run."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def work(x):
    return x * 2


def fails(x):
    raise ValueError(x)


def executor(pool):
    with pool:
        results = list(pool.map(work, range(5)))
        try:
            pool.submit(fails, 1).result()
        except ValueError as error:
            results.append(repr(error))
    print(results)


def pool(made):
    with made:
        results = [*made.map(work, range(6), chunksize=1), made.apply(work, (3,))]
        results += made.imap(work, range(3))
        try:
            made.apply(fails, (1,))
        except ValueError as error:
            results.append(repr(error))
        made.close()
        made.join()
    print(results)


def processes(context):
    child = context.Process(target=work, args=(1,), name=f"cook {context.get_start_method()}")
    child.start()
    child.join()
    print([child.exitcode])


if __name__ == "__main__":
    kind, _, method = sys.argv[1].partition(":")
    context = multiprocessing.get_context(method or None)
    if kind == "threads":
        executor(ThreadPoolExecutor(2))
    elif kind == "executor":
        executor(ProcessPoolExecutor(2, mp_context=context))
    elif kind == "pool":
        pool(context.Pool(2))
    elif kind == "threadpool":
        pool(ThreadPool(2))
    else:
        processes(context)
