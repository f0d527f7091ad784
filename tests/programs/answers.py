"""The known answers: what each program of this folder does, by its construction.

Each answer follows from how the program is written and from the definitions of concurrency and
parallelism, never from what the tool once said. Where the definitions leave two answers open (a
lock need not alternate; a bare semaphore used as a signal looks like a lock) both are named, with
the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

Pair = tuple[str, str | None]
"""A verdict id and a cause id (None: the verdict has no cause)."""


@dataclass(frozen=True)
class Answer:
    """What one program must be told to be, and what it needs to be judged."""

    program: str
    """File name in this folder without ``.py``."""
    verdicts: tuple[Pair, ...]
    output: str
    """The one line that the program prints."""
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Dotted path into the summary -> lowest and highest right value."""
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """``tasks.by_kind``: lowest and highest right count."""
    needs: frozenset[str] = frozenset()
    """cores (two free ones), gil, uvloop, trio, anyio, joblib, numpy, blas, eager, sort, agent,
    free-threaded, interpreters, interpreter-pool, taskset, load."""
    without_gil: tuple[Pair, ...] = ()
    """Right verdicts where threads need no GIL; empty = the same."""
    name: str = ""
    """How the test is called; the program's name where empty."""
    options: tuple[str, ...] = ()
    """Options of ``twocooks run``."""
    strict: bool = False
    """Where the answer is ``parallel``: nothing can make its tasks take turns, ``both`` is wrong.
    Else the kernel may put two tasks on one core for a while; then they really take turns there,
    and ``both`` is right where three turns or a tenth of the time in line are shown."""

    finds: frozenset[str] = frozenset()
    """Findings that must be told (on two cores or more)."""
    quiet: bool = False
    """Nothing stands in its way: any finding but that others had the cores is wrong."""

    @property
    def label(self) -> str:
        return self.name or self.program


def one(verdict: str, cause: str | None = None) -> tuple[Pair, ...]:
    return ((verdict, cause),)


def needing(*names: str) -> frozenset[str]:
    return frozenset(names)


ANY = 1e9
# Bounds on asyncio tasks allow three more than the program makes: ``asyncio.run`` makes the main
# one, and at its end one for the generators and one for the executor.
PARALLEL = one("parallel")
NO_OVERLAP = {"parallelism.two_or_more_s": (0.0, 0.03), "parallelism.mean": (0.95, 1.04)}
"""Never two hands: hand-overs and starting up may coincide for some milliseconds in all."""
OVERLAP = {"parallelism.mean": (1.5, 2.05), "parallelism.max": (2, 2)}
CORES = needing("cores")
AGENT = needing("agent")

ANSWERS: tuple[Answer, ...] = (
    # Nothing, single.
    Answer("nothing", one("nothing"), "hello", {"cpu_s": (0, 0.3)}),
    Answer(
        "single",
        one("single"),
        "one pot of soup",
        {"cpu_s": (0.6, 0.9), **NO_OVERLAP, "concurrency.max": (1, 1)},
        quiet=True,
    ),
    Answer(
        "helpers", one("single"), "soup", {"concurrency.max": (1, 1), **NO_OVERLAP}, needs=AGENT
    ),
    Answer(
        "gather_parents",
        one("single"),
        "cooked",
        {"concurrency.max": (1, 1), **NO_OVERLAP},
        needs=AGENT,
    ),
    # One after another.
    Answer(
        "await_by_await",
        one("one-after-another", "await-by-await"),
        "fetched 6",
        {"concurrency.two_or_more_s": (0, 0.005)},
        {"asyncio": (4, 7)},
        AGENT,
        finds=frozenset({"await-by-await"}),
    ),
    Answer(
        "join_by_join",
        one("one-after-another", "await-by-await"),
        "three, one by one",
        {"cpu_s": (0.9, 1.3), **NO_OVERLAP},
        finds=frozenset({"await-by-await"}),
    ),
    Answer(
        "blocks_in_a_row",
        one("one-after-another", "await-by-await"),
        "rice and onions",
        NO_OVERLAP,
        {"block": (2, 2)},
        AGENT,
    ),
    Answer(
        "eager_tasks",
        one("one-after-another", "await-by-await"),
        "chopped 6",
        NO_OVERLAP,
        {"asyncio": (4, 7)},
        needing("agent", "eager"),
    ),
    Answer(
        "loop_held",
        one("one-after-another", "loop-held"),
        "stared 6",
        NO_OVERLAP,
        {"asyncio": (4, 7)},
        AGENT,
        finds=frozenset({"loop-held"}),
    ),
    Answer(
        "loop_computing",
        one("one-after-another", "loop-held"),
        "chopped 6",
        NO_OVERLAP,
        {"asyncio": (4, 7)},
        AGENT,
        finds=frozenset({"loop-held"}),
    ),
    Answer(
        "one_worker",
        one("one-after-another", "one-worker"),
        "pieces 6",
        NO_OVERLAP,
        {"item": (4, 4)},
        AGENT,
    ),
    Answer(
        "lock_coarse",
        one("one-after-another", "lock"),
        "one knife, three whole jobs",
        {"parallelism.mean": (0.95, 1.1)},
        finds=frozenset({"lock"}),
    ),
    # The order of causes puts "all work on one thread" first, and then only loop-held or
    # await-by-await remain; by the account of line0 it is the lock.
    Answer(
        "async_lock",
        (("one-after-another", "lock"), ("one-after-another", "await-by-await")),
        "one oven",
        NO_OVERLAP,
        {"asyncio": (3, 6)},
        AGENT,
    ),
    Answer(
        "gil_whole",
        one("one-after-another", "gil"),
        "done [True, True, True, True]",
        {"parallelism.mean": (0.95, 1.04)},
        {"item": (4, 8)},
        needing("agent", "gil"),
    ),
    Answer(
        "anyio_parents",
        one("one-after-another", "await-by-await"),
        "cooked by asyncio, cooked by trio",
        {"concurrency.max": (1, 1), **NO_OVERLAP},
        {"asyncio": (1, 4), "trio": (1, 4)},
        needing("agent", "anyio", "trio"),
    ),
    # Turns.
    Answer(
        "async_chop",
        one("turns", "one-loop"),
        "chopped 6",
        {**NO_OVERLAP, "concurrency.max": (4, 4), "switches.turns": (60, ANY)},
        {"asyncio": (4, 7)},
        AGENT,
    ),
    Answer(
        "taskgroup",
        one("turns", "one-loop"),
        "three bowls",
        {**NO_OVERLAP, "concurrency.max": (3, 3)},
        {"asyncio": (3, 6)},
        AGENT,
    ),
    Answer(
        "uvloop_chop",
        one("turns", "one-loop"),
        "chopped 6",
        {**NO_OVERLAP, "concurrency.max": (4, 4)},
        {"asyncio": (4, 7)},
        needing("agent", "uvloop"),
    ),
    Answer(
        "trio_chop",
        one("turns", "one-loop"),
        "chopped 6",
        {**NO_OVERLAP, "concurrency.max": (4, 4), "switches.turns": (60, ANY)},
        {"trio": (4, 5)},
        needing("agent", "trio"),
    ),
    Answer(
        "eager_turns",
        one("turns", "one-loop"),
        "chopped 3",
        {**NO_OVERLAP, "concurrency.max": (3, 3)},
        {"asyncio": (3, 6)},
        needing("agent", "eager"),
    ),
    Answer(
        "gil_threads",
        one("turns", "gil"),
        "two cooks done",
        {**NO_OVERLAP, "concurrency.max": (2, 2), "cpu_s": (1.0, 1.4)},
        needs=needing("gil"),
        finds=frozenset({"gil-bound"}),
    ),
    Answer(
        "gil_pool",
        one("turns", "gil"),
        "pieces 6",
        {**NO_OVERLAP, "concurrency.max": (2, 4)},
        {"item": (4, 4)},
        needing("agent", "gil"),
    ),
    Answer(
        "gil_heartbeat",
        one("turns", "gil"),
        "still alive",
        {"parallelism.mean": (0.95, 1.06)},
        needs=needing("gil"),
    ),
    Answer(
        "loop_hog",
        one("turns", "one-loop"),
        "one hog, two ticks",
        {**NO_OVERLAP, "concurrency.max": (3, 3)},
        {"asyncio": (3, 4)},
        AGENT,
        finds=frozenset({"loop-held"}),
    ),
    Answer(
        "lock_fine",
        one("turns", "lock"),
        "one knife, small pieces",
        {"parallelism.mean": (0.95, 1.08)},
    ),
    # Waits too short for a look in their turn. The holder may take the lock again at once: then one
    # is done before the other begins.
    Answer(
        "lock_short",
        (("turns", "lock"), ("one-after-another", "lock")),
        "one knife, short cuts",
        {"parallelism.mean": (0.95, 1.08)},
    ),
    # The same with a lock of processes.
    Answer(
        "lock_processes",
        (("one-after-another", "lock"), ("turns", "lock")),
        "one knife, two kitchens",
        {"parallelism.mean": (0.95, 1.1)},
    ),
    Answer("pinned_itself", one("turns", "one-core"), "one place at the counter", NO_OVERLAP),
    Answer(
        "two_processes",
        one("turns", "one-core"),
        "exit codes [0, 0]",
        NO_OVERLAP,
        needs=needing("taskset"),
        name="two_processes_pinned",
    ),
    Answer(
        "hash_threads",
        one("turns", "one-core"),
        "hashed",
        NO_OVERLAP,
        needs=needing("taskset"),
        name="hash_threads_pinned",
    ),
    Answer(
        "no_contest",
        one("turns", "no-contest"),
        "exit codes [0, 0]",
        {"parallelism.mean": (0.95, 1.06), "scores.busy_share": (0.2, 0.5)},
    ),
    # While others hold one of the two cores (the harness starts them).
    Answer(
        "two_processes",
        (("turns", "no-free-core"), ("sometimes", "no-free-core")),
        "exit codes [0, 0]",
        needs=needing("load"),
        name="two_processes_crowded",
    ),
    # Waiting together, relay.
    Answer(
        "sleepers",
        one("waiting-together"),
        "slept 1225",
        {"concurrency.max": (50, 51)},
        {"asyncio": (50, 53)},
        AGENT,
    ),
    Answer(
        "trio_sleepers",
        one("waiting-together"),
        "slept 1225",
        {"concurrency.max": (50, 51)},
        {"trio": (50, 51)},
        needing("agent", "trio"),
    ),
    Answer(
        "thread_sleepers",
        one("waiting-together"),
        "slept 20",
        {"concurrency.max": (20, 21)},
        {"thread": (20, 21)},
    ),
    Answer(
        "relay_pipes", one("relay", "hand-over"), "plates 16", {"parallelism.mean": (0.95, 1.06)}
    ),
    Answer(
        "relay_short", one("relay", "hand-over"), "plates 60", {"parallelism.mean": (0.95, 1.06)}
    ),
    Answer(
        "relay_queues",
        one("relay", "hand-over"),
        "plates 48",
        {"parallelism.mean": (0.95, 1.06)},
        needs=AGENT,
    ),
    Answer(
        "async_relay",
        one("relay", "hand-over"),
        "plates 40",
        NO_OVERLAP,
        {"asyncio": (2, 5)},
        AGENT,
    ),
    # Nothing tells a bare semaphore from a lock but its use; a tool that does not know says so.
    Answer(
        "relay_semaphores",
        (("relay", "hand-over"), ("turns", "unknown")),
        "exit codes [0, 0]",
        {"parallelism.mean": (0.95, 1.06)},
    ),
    # Sometimes.
    Answer(
        "lock_some",
        one("sometimes", "lock"),
        "one knife, and some work without it",
        {"scores.contests_won": (0.15, 0.45)},
        needs=CORES,
    ),
    Answer(
        "gil_some",
        one("sometimes", "gil"),
        "sometimes",
        {"scores.contests_won": (0.12, 0.48)},
        needs=needing("cores", "gil"),
        without_gil=PARALLEL,
    ),
    # Parallel.
    Answer("hash_threads", PARALLEL, "hashed", OVERLAP, needs=CORES),
    Answer(
        "zlib_pool",
        PARALLEL,
        "equal True",
        {"parallelism.max": (2, 2)},
        {"item": (2, 2)},
        needing("cores", "agent"),
    ),
    Answer("numpy_threads", PARALLEL, "equal True", OVERLAP, needs=needing("cores", "numpy")),
    Answer(
        "two_processes",
        PARALLEL,
        "exit codes [0, 0]",
        {**OVERLAP, "scores.contests_won": (0.8, 1.0), "cpu_s": (1.4, 1.9)},
        needs=CORES,
        quiet=True,
    ),
    Answer("pool_map", PARALLEL, "pieces 28", OVERLAP, {"item": (8, 8)}, needing("cores", "agent")),
    Answer(
        "process_pool", PARALLEL, "pieces 6", OVERLAP, {"item": (4, 4)}, needing("cores", "agent")
    ),
    Answer("spawn", PARALLEL, "exit codes [0, 0]", OVERLAP, needs=CORES),
    Answer("forkserver", PARALLEL, "exit codes [0, 0]", OVERLAP, {"process": (2, 2)}, CORES),
    # The workers start up one after the other, and the first may take a piece more.
    Answer(
        "forkserver_pool",
        PARALLEL,
        "pieces 6",
        {"parallelism.max": (2, 2)},
        {"item": (4, 4), "process": (0, 0)},
        needing("cores", "agent"),
    ),
    Answer(
        "joblib_pool",
        PARALLEL,
        "pieces 6",
        {"parallelism.max": (2, 2)},
        {"item": (4, 4), "process": (0, 0)},
        needing("cores", "agent", "joblib"),
    ),
    Answer("child_programs", PARALLEL, "exit codes [0, 0]", OVERLAP, needs=CORES),
    Answer(
        "to_thread",
        PARALLEL,
        "done 2",
        {"parallelism.max": (2, 2)},
        {"item": (2, 2)},
        needing("cores", "agent"),
    ),
    Answer(
        "anyio_threads",
        PARALLEL,
        "done 2 by asyncio, done 2 by trio",
        {"parallelism.max": (2, 2)},
        {"item": (4, 4)},
        needing("cores", "agent", "anyio", "trio"),
    ),
    Answer(
        "interpreters",
        PARALLEL,
        "interpreters 2",
        OVERLAP,
        {"thread": (2, 3)},
        needing("cores", "interpreters"),
    ),
    Answer(
        "interpreter_pool",
        PARALLEL,
        "pieces 6",
        OVERLAP,
        {"item": (4, 4)},
        needing("cores", "agent", "interpreters", "interpreter-pool"),
    ),
    Answer(
        "blocks_together",
        PARALLEL,
        "rice beside onions",
        OVERLAP,
        {"block": (2, 2)},
        needing("cores", "agent"),
    ),
    Answer(
        "amdahl",
        PARALLEL,
        "alone, then together",
        {"parallelism.mean": (1.25, 1.7), "scores.together_share": (0.3, 0.55)},
        needs=CORES,
    ),
    Answer("threads_apart", PARALLEL, "hashed on 2 cores", OVERLAP, needs=CORES, strict=True),
    Answer("processes_apart", PARALLEL, "exit codes [0, 0]", OVERLAP, needs=CORES, strict=True),
    # Both, many hands.
    Answer(
        "four_processes",
        one("both"),
        "exit codes [0, 0, 0, 0]",
        {**OVERLAP, "concurrency.max": (4, 5), "wanted.two_or_more_s": (0.7, 2)},
        needs=CORES,
        quiet=True,
    ),
    Answer(
        "two_loops",
        one("both"),
        "two kitchens [0, 0]",
        {**OVERLAP, "concurrency.max": (8, 8)},
        {"asyncio": (8, 14)},
        needing("cores", "agent"),
    ),
    # Between its processes the same program is parallel; the turns are inside each of them.
    Answer(
        "two_loops",
        PARALLEL,
        "two kitchens [0, 0]",
        {**OVERLAP, "concurrency.max": (2, 2)},
        {"process": (2, 2)},
        needing("cores", "agent"),
        name="two_loops_by_process",
        options=("--by", "process"),
    ),
    # Steps shorter than a hand-over of the GIL, on two cores.
    Answer(
        "short_steps",
        one("both"),
        "two kitchens [0, 0]",
        {"concurrency.max": (20, 20), "parallelism.max": (2, 2)},
        {"asyncio": (20, 26)},
        needing("cores", "agent"),
    ),
    Answer(
        "short_steps",
        PARALLEL,
        "two kitchens [0, 0]",
        {**OVERLAP, "concurrency.max": (2, 2)},
        {"process": (2, 2)},
        needing("cores", "agent"),
        name="short_steps_by_process",
        options=("--by", "process"),
    ),
    Answer(
        "short_steps_threads",
        one("turns", "gil"),
        "two loops 2",
        {**NO_OVERLAP, "concurrency.max": (20, 20)},
        {"asyncio": (20, 26)},
        needing("agent", "gil"),
    ),
    Answer(
        "matmul",
        one("many-hands"),
        "corner 500.0",
        {"parallelism.max": (1, 1), "cores_used.mean": (1.3, 2.05)},
        needs=needing("cores", "blas"),
    ),
    Answer(
        "sort_subprocess",
        one("many-hands"),
        "sorted",
        {"cores_used.two_or_more_s": (0.2, 3)},
        needs=needing("cores", "sort"),
    ),
    # Without the kernel's records: fast turns and overlap look the same; what is proved is said.
    Answer(
        "gil_threads",
        (("cannot-tell", None), ("turns", "gil")),
        "two cooks done",
        {"cpu_s": (1.0, 1.4)},
        needs=needing("gil"),
        name="gil_threads_polled",
        options=("--source", "schedstat"),
    ),
    Answer(
        "two_processes",
        PARALLEL,
        "exit codes [0, 0]",
        {"cpu_s": (1.35, 1.9)},
        needs=CORES,
        name="two_processes_polled",
        options=("--source", "schedstat"),
    ),
    # A free-threaded Python, watched by whichever Python runs the tests.
    Answer(
        "gil_threads",
        PARALLEL,
        "two cooks done",
        OVERLAP,
        needs=needing("cores", "free-threaded"),
        name="gil_threads_free",
    ),
    Answer(
        "gil_some",
        PARALLEL,
        "sometimes",
        OVERLAP,
        needs=needing("cores", "free-threaded"),
        name="gil_some_free",
    ),
    Answer(
        "lock_fine",
        one("turns", "lock"),
        "one knife, small pieces",
        needs=needing("free-threaded"),
        name="lock_fine_free",
    ),
)


def for_python(answer: Answer, gil: bool) -> Answer | None:
    """The answer where threads have, or have not, a GIL; None = the program says nothing there."""
    if gil or "gil" not in answer.needs:
        return answer
    if not answer.without_gil:
        return None
    return replace(answer, verdicts=answer.without_gil, bounds={})
