"""Claims about concurrency: being on the go together, taking turns, and waiting."""

from __future__ import annotations

from twocooks.lesson.claim import Check, Claim, Part, Round, Seen
from twocooks.lesson.claims.dinners import cooked, never_looks_up


def share(part: float, whole: float) -> float:
    """A ratio, 0 where there is nothing to divide by."""
    return part / whole if whole else 0.0


def verdict(seen: Seen, *wanted: str, name: str = "verdict") -> Check:
    return Check(name, seen.verdict, "words", wanted=wanted)


def never_two(seen: Seen, name: str = "two hands at the same moment") -> Check:
    return Check(name, seen.two_s, "s", most=0)


def hands(seen: Seen, *, least: float | None = None, most: float | None = None,
          name: str = "hands while anyone worked") -> Check:
    return Check(name, seen.at("parallelism.mean"), "mean", least, most)


def one_without(seen: Round) -> list[Check]:
    loop, pinned = seen["loop"], seen["pinned"]
    return [
        Check("loop: on the go, on average", loop.at("concurrency.mean"), "mean", least=3),
        never_two(loop, "loop: two hands at once"),
        Check("loop: contests won", loop.at("scores.contests_won"), "share", most=0.1),
        verdict(loop, "turns", name="loop: verdict"),
        never_two(pinned, "one core: two hands at once"),
        Check("one core: contests won", pinned.at("scores.contests_won"), "share", most=0.1),
        verdict(pinned, "turns", name="one core: verdict"),
    ]


def no_illusion(seen: Round) -> list[Check]:
    said = seen["waits"].said
    row, both = said["in_a_row_s"], said["together_s"]
    return [
        Check("five waits in a row", row, "s"),
        Check("five waits together", both, "s"),
        Check("together, of in a row", share(both, row), "share", most=0.4),
    ]


def awaits(seen: Round) -> list[Check]:
    one = seen["awaits"]
    return [
        verdict(one, "one-after-another"),
        Check("cause", one.cause, "words", wanted=("await-by-await",)),
        Check("company that they had", one.at("scores.company"), "share", most=0),
    ]


def gathered(seen: Round) -> list[Check]:
    one = seen["gather"]
    plain, gather = one.said["plain_s"], one.said["gather_s"]
    return [
        Check("plain loop, computing", plain, "s"),
        Check("gather, computing", gather, "s"),
        Check("gather, times the loop", share(gather, plain), "times", least=0.9, most=1.1),
        hands(one, most=1.01),
    ]


def held(seen: Round) -> list[Check]:
    said = seen["heartbeat"].said
    return [
        Check("usual lateness", said["median_late_s"], "s", most=0.001),
        Check("longest lateness", said["longest_late_s"], "s", least=0.15),
        *never_looks_up(seen["dinner"]),
    ]


def stared(seen: Round) -> list[Check]:
    said = seen["sleeps"].said
    return [
        Check("time.sleep in coroutines", said["blocking_s"], "s", least=0.45),
        Check("asyncio.sleep", said["awaited_s"], "s", most=0.15),
        Check("handed to threads", said["threads_s"], "s", most=0.2),
    ]


def threads_wait(seen: Round) -> list[Check]:
    one = seen["threads"]
    return [
        Check("twenty waits of 0.1 s took", one.said["took_s"], "s", most=0.2),
        Check("computing meanwhile", one.said["cpu_s"], "s"),
        Check("threads on the go", one.at("concurrency.max"), "count", least=20),
        verdict(one, "waiting-together"),
    ]


def computing_or_waiting(seen: Round) -> list[Check]:
    said = seen["both"].said
    return [
        Check("computing: CPU time of the clock", said["computing_share"], "share", least=0.9),
        Check("waiting: CPU time of the clock", said["waiting_share"], "share", most=0.2),
    ]


def thousand(seen: Round) -> list[Check]:
    one = seen["clients"]
    return [
        Check("a thousand waits of 0.2 s took", one.said["took_s"], "s", most=0.35),
        Check("computing meanwhile", one.said["cpu_s"], "s", most=0.1),
        Check("on the go at once", one.at("concurrency.max"), "count", least=1000),
        Check("hands at once", one.at("parallelism.max"), "count", most=1),
    ]


def doorbell(seen: Round) -> list[Check]:
    said = seen["bell"].said
    before, after = said["without_breaks_s"], said["with_breaks_s"]
    return [
        Check("lateness without breaks", before, "s"),
        Check("lateness with breaks", after, "s"),
        Check("how many times less", share(before, after), "times", least=10),
    ]


def too_often(seen: Round) -> list[Check]:
    said = seen["pieces"].said
    few, some, many = (said[f"pieces_{n}_s"] for n in (10, 1000, 100_000))
    return [
        Check("in 10 pieces", few, "s"),
        Check("in 1,000 pieces", some, "s"),
        Check("in 100,000 pieces", many, "s"),
        Check("finest, times the middle", share(many, some), "times", least=2),
    ]


def cost(seen: Round) -> list[Check]:
    said = seen["cost"].said
    loop, thread = said["loop_turn_s"], said["thread_turn_s"]
    return [
        Check("a turn between tasks", loop, "s", most=5e-6),
        Check("a turn between threads", thread, "s"),
        Check("threads, times tasks", share(thread, loop), "times", least=3),
        Check("kernel switches of 2,000 task turns", said["loop_switches"], "count", most=5),
        Check("kernel switches of 2,000 thread turns", said["thread_switches"], "count"),
    ]


def who_decides(seen: Round) -> list[Check]:
    pinned = seen["pinned"]
    pushed = share(pinned.at("switches.preempted"), pinned.at("switches.total"))
    return [
        Check("loop: tasks left unfinished", seen["loop"].said["left_unfinished"], "count", most=0),
        Check("processes: switches by the whistle", pushed, "share", least=0.9),
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(2, "Can there be concurrency without parallelism?",
          "Yes: one cook keeps four dishes on the go and never has more than one pair of hands. "
          "One event loop does that, and so does any program on one core: its tasks interleave.",
          (Part("loop", "asyncio_computing"), Part("pinned", "two_processes", one_core=True)),
          one_without, keys="async one core"),
    Claim(4, "Is concurrency just an illusion?",
          "No: while the rice boils you really chop. Waits overlap, so time is really saved. "
          "Only hands never move at the same moment.",
          (Part("waits", "waits_together"),), no_illusion, keys="asyncio gather sleep"),
    Claim(5, "Does await make things parallel?",
          "Standing by the pot is not switching. `await f()` goes on when f is done, and meanwhile "
          "nothing else of this task moves. Start tasks first and await them then; even so one "
          "works at a time.",
          (Part("awaits", "await_in_a_row"),), awaits, keys="async asyncio"),
    Claim(6, "Does gather speed up computing?",
          "Four dishes to chop and one cook: the same chopping. gather interleaves the work on one "
          "thread. The computing stays what it was.",
          (Part("gather", "gather_computing"),), gathered, keys="async asyncio"),
    Claim(7, "What happens if one task never awaits?",
          "A cook who chops for ten minutes without looking up burns the curry. The event loop "
          "cannot take the turn away. All others stand in line until the task gives way.",
          (Part("heartbeat", "never_awaits"),
           cooked("dinner", "switching", "tuesday", changes={"no_breaks": True})),
          held, keys="held loop blocking"),
    Claim(8, "What does time.sleep do in a coroutine?",
          "It stares at the pot: the only cook waits, and everybody with it. Await the waiting "
          "instead, or hand it to a thread.",
          (Part("sleeps", "blocking_sleep"),), stared, keys="async asyncio to_thread blocking"),
    Claim(10, "Are Python threads useless, then?",
          "No: while everything is on the stove the apron hangs on its hook. A thread that waits "
          "lets go of the GIL, so many threads wait together.",
          (Part("threads", "threads_waiting"),), threads_wait, keys="gil io"),
    Claim(14, "Computing or waiting (CPU-bound or I/O-bound): how do I tell?",
          "Are your hands busy, or are you watching pots? Hold the CPU seconds against the seconds "
          "on the clock. Nearly all of them: computing; hardly any: waiting.",
          (Part("both", "computing_or_waiting"),), computing_or_waiting, keys="slow service"),
    Claim(24, "What does a switch cost?",
          "Turning your head, or walking to the other counter and washing your hands first. A turn "
          "inside an event loop is a function call. A turn between threads goes through the "
          "kernel.",
          (Part("cost", "switch_cost"),), cost, keys="turn context switch overhead"),
    Claim(25, "So switch as often as possible?",
          "Chop one slice, change, chop one slice: dinner is late. Each change costs a little, so "
          "too fine pieces are mostly changing.",
          (Part("pieces", "too_often"),), too_often, keys="granularity overhead"),
    Claim(26, "Who decides when to change?",
          "With kitchen timers the cook decides; with a foreman the whistle does. Tasks of an "
          "event loop change where they await (cooperative). Threads and processes are "
          "interrupted by the kernel (preemptive).",
          (Part("loop", "no_breaks"), Part("pinned", "two_processes", one_core=True)),
          who_decides, keys="preemption cooperative scheduler"),
    Claim(39, "One thread and a thousand clients?",
          "A thousand timers and one cook. Waiting needs no hands. One thread is enough until its "
          "hands are full.",
          (Part("clients", "thousand_clients"),), thousand, keys="async server node"),
    Claim(40, "Is concurrency about speed?",
          "It is also about hearing the doorbell. A break now and then makes nothing faster, and "
          "yet nobody waits long: concurrency buys quick answers.",
          (Part("bell", "doorbell"),), doorbell, keys="latency responsive"),
)
