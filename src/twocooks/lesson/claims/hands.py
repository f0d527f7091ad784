"""Claims about parallelism: who has hands at the same moment, and how one knows."""

from __future__ import annotations

from twocooks.lesson.claim import Check, Claim, Part, Round, Seen
from twocooks.lesson.claims.turns import hands, never_two, share, verdict

CORES = frozenset({"cores"})
TOGETHER = ("parallel", "both")


def many_hands(seen: Round) -> list[Check]:
    one = seen["sort"]
    return [
        Check("tasks at work at once", one.at("parallelism.max"), "count", least=1, most=1),
        Check("cores at work, on average", one.at("cores_used.mean"), "mean", least=1.3),
        verdict(one, "many-hands"),
    ]


def threads(seen: Round) -> list[Check]:
    one = seen["threads"]
    if not one.gil:
        return without_gil(one)
    return [
        Check("overlap", one.at("scores.overlap"), "share", most=0.1),
        Check("took, of all the work", share(one.said["took_s"], one.said["work_s"]), "share",
              least=0.95),
        verdict(one, "turns"),
        Check("cause", one.cause, "words", wanted=("gil",)),
    ]


def without_gil(one: Seen) -> list[Check]:
    return [
        Check("overlap", one.at("scores.overlap"), "share", least=0.8),
        hands(one, least=1.8),
        verdict(one, *TOGETHER),
    ]


def hashing(seen: Round) -> list[Check]:
    one = seen["hashing"]
    return [
        Check("overlap", one.at("scores.overlap"), "share", least=0.5),
        verdict(one, *TOGETHER),
    ]


def processes(seen: Round) -> list[Check]:
    one = seen["processes"]
    took = share(one.said["took_s"], one.said["work_s"])
    return [
        Check("overlap", one.at("scores.overlap"), "share", least=0.8),
        hands(one),
        Check("took, of all the work", took, "share", most=0.6),
        verdict(one, *TOGETHER),
    ]


def grid(seen: Round) -> list[Check]:
    one = seen["grid"]
    checks = []
    for work in ("waiting", "computing"):
        plain = one.said[f"{work}_plain_s"]
        checks.append(Check(f"{work}, plain", plain, "s"))
        for way in ("asyncio", "threads", "processes"):
            fast = work == "waiting" or way == "processes" or (way == "threads" and not one.gil)
            took = share(one.said[f"{work}_{way}_s"], plain)
            bound = 0.5 if work == "waiting" else 0.7
            least, most = (None, bound) if fast else (bound, None)
            checks.append(Check(f"{work}, {way}: of plain", took, "share", least, most))
    return checks


def pinned(seen: Round) -> list[Check]:
    one = seen["pinned"]
    return [
        never_two(one),
        Check("took, of all the work", share(one.said["took_s"], one.said["work_s"]), "share",
              least=0.98),
        verdict(one, "turns"),
        Check("cause", one.cause, "words", wanted=("one-core",)),
    ]


def stopwatch(seen: Round) -> list[Check]:
    one = seen["threads"]
    watched = share(one.said["stopwatches_together_s"], one.said["shorter_stopwatch_s"])
    really = share(one.two_s, one.said["shorter_stopwatch_s"])
    least, most = (None, 0.05) if one.gil else (0.9, None)
    return [
        Check("by their stopwatches together", watched, "share", least=0.9),
        Check("by the kernel together", really, "share", least, most),
    ]


def swapped(seen: Round) -> list[Check]:
    one = seen["crowd"]
    places = one.said["places"]
    at_work = one.at("parallelism.mean")
    return [
        Check("places at the counter", places, "count"),
        Check("hands at once, at most", one.at("parallelism.max"), "count", least=places,
              most=places),
        Check("on the go at once", one.at("concurrency.max"), "count", least=places + 1),
        Check("hands, of the places", share(at_work, places), "share", least=0.9),
        Check("changes", one.at("switches.turns"), "count", least=10),
        verdict(one, "both"),
    ]


def slower(seen: Round) -> list[Check]:
    one = seen["same"]
    said = one.said
    plain = said["plain_s"]
    least, most = (0.85, 1.4) if one.gil else (None, None)
    ways = {"threads": None if one.gil else 0.7, "processes": 0.7}
    checks = [Check("plain", plain, "s")]
    for way in ways:
        bounds = (least, most) if way == "threads" else (None, None)
        checks.append(Check(f"{way}, of plain", share(said[f"{way}_s"], plain), "share", *bounds))
    for way, bound in ways.items():
        used = share(said[f"{way}_s"], said[f"{way}_cpu_s"])
        checks.append(Check(f"{way}, of their own CPU time", used, "share", most=bound))
    return checks


def siblings(seen: Round) -> list[Check]:
    board, two = seen["board"], seen["two"]
    ratio = share(board.said["slower_cpu_s"], two.said["slower_cpu_s"])
    return [
        hands(board, least=1.9, name="hands, on one core's two threads"),
        hands(two, least=1.9, name="hands, on two cores"),
        Check("CPU time of the work, on one core's threads", ratio, "times", least=1.1),
    ]


def of_a_run(seen: Round) -> list[Check]:
    free, taken = seen["free"], seen["taken"]
    return [
        Check("quiet: cores left by others", free.at("cores.free"), "mean", least=1.6),
        Check("quiet: overlap", free.at("scores.overlap"), "share", least=0.8),
        verdict(free, *TOGETHER, name="quiet: verdict"),
        Check("crowded: cores left by others", taken.at("cores.free"), "mean", most=1.6),
        # Two strangers to a core leave a third of it, or a half where the kernel shares fairly by
        # sessions; two that come and go by themselves then overlap as much, give or take.
        Check("crowded: overlap", taken.at("scores.overlap"), "share", most=0.75),
        verdict(taken, "turns", "sometimes", "one-after-another", name="crowded: verdict"),
        Check("crowded: cause", taken.cause, "words", wanted=("no-free-core",)),
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(3, "Can there be parallelism without concurrency?",
          "Three people peel for one soup: one dish, many hands. One task whose work is split "
          "inside itself is parallel, and there is nothing beside it on the go: sort with "
          "helpers, or the algebra under NumPy.",
          (Part("sort", "sort_parallel"),), many_hands, needs=CORES | {"sort"},
          keys="many hands blas simd"),
    Claim(9, "Do Python threads run in parallel?",
          "Two cooks and one apron: only the one who wears it may touch the food. The GIL lets one "
          "thread at a time run Python code, and they hand it over every few milliseconds. A "
          "free-threaded Python has no apron, and there they do.",
          (Part("threads", "two_threads"),), threads, needs=CORES, quiet=True, keys="gil"),
    Claim(11, "Can threads under the GIL ever be parallel?",
          "Yes, with a machine that needs no apron. C code that lets go of the GIL runs side by "
          "side: hashes of large blocks, compression, NumPy.",
          (Part("hashing", "threads_hashing"),), hashing, needs=CORES, keys="hashlib c code"),
    Claim(12, "And processes?",
          "Two kitchens, two aprons. Each process has an interpreter and a GIL of its own, so two "
          "of them compute at the same moment, in half the time.",
          (Part("processes", "two_processes"),), processes, needs=CORES, keys="multiprocessing"),
    Claim(13, "Threads, processes or asyncio?",
          "Work on the stove: one cook with timers. Chopping: more cooks. Many waits want asyncio, "
          "or threads where libraries block. Computing in Python wants processes; C code without "
          "the GIL and free-threaded Pythons are served by threads.",
          (Part("grid", "grid"),), grid, needs=CORES, quiet=True, keys="which gil choose"),
    Claim(15, "Is a program with many threads or processes parallel on one core?",
          "Two friends and one place at the counter: one works, one watches. The kernel cuts the "
          "time into slices. That is concurrent, and not parallel.",
          (Part("pinned", "two_processes", one_core=True),), pinned, keys="pin taskset slices"),
    Claim(16, "My stopwatches say both ran all the time. Is that not parallel?",
          "Both cooks were in the kitchen all evening; that says nothing about hands. A stopwatch "
          "inside a task measures how long it was on the go. Only the kernel knows who was on a "
          "core.",
          (Part("threads", "two_threads"),), stopwatch, needs=CORES, quiet=True,
          keys="timer measure trap"),
    Claim(18, "What if there are more tasks than cores?",
          "Four cooks and two places: two work, two stand behind them, and they swap. That is "
          "parallel, and turn-taking as well.",
          (Part("crowd", "processes_by_cores"),), swapped, needs=CORES, all_cores=True,
          keys="both oversubscription"),
    Claim(23, "Are threads slower for computing?",
          "Handing one apron to and fro costs a little, and gains nothing. In today's CPython two "
          "computing threads take about as long as one after the other. Processes take half, and "
          "so do threads without a GIL.",
          (Part("same", "threads_slower"),), slower, needs=CORES, quiet=True, keys="gil"),
    Claim(38, "Is hyper-threading parallel?",
          "Two cooks at one cutting board: both move, and each is slower. Two hardware threads "
          "share one core's units. They do work at the same moment.",
          (Part("board", "siblings", ("board",)), Part("two", "siblings", ("two",))),
          siblings, needs=CORES | {"smt"}, all_cores=True, keys="smt siblings"),
    Claim(42, "Why parallel yesterday, and not today?",
          "Somebody else stood at the counter. Whether things happen at the same moment is a "
          "matter of one run, and of what the machine does besides: the same program is parallel "
          "with free cores, and not where other programs want them too.",
          (Part("free", "two_processes"), Part("taken", "two_processes", crowded=True)),
          of_a_run, needs=CORES, keys="busy load noise free core run"),
)
