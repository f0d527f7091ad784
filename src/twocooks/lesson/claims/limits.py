"""Claims about what more workers bring, and where it ends."""

from __future__ import annotations

from twocooks.lesson.claim import Check, Claim, Part, Round
from twocooks.lesson.claims.hands import CORES
from twocooks.lesson.claims.turns import never_two, share, verdict

HELPERS = (("one helper", 1), ("two helpers", 2))


def more_workers(seen: Round) -> list[Check]:
    said = seen["workers"].said
    one, places, crowd = (said[f"workers_{name}_s"] for name in ("one", "places", "crowd"))
    return [
        Check("one worker", one, "s"),
        Check("as many as cores", places, "s"),
        Check("four times as many", crowd, "s"),
        Check("as many as cores, of one", share(places, one), "share", most=0.65),
        Check("four times as many, of as many", share(crowd, places), "share", least=0.9),
    ]


def amdahl(seen: Round) -> list[Check]:
    said = seen["amdahl"].said
    checks = [Check(f"{name}: took", said[f"took_{number}_s"], "s")
              for name, number in HELPERS]
    for name, number in HELPERS:
        ratio = share(said[f"took_{number}_s"], said[f"law_{number}_s"])
        checks.append(Check(f"{name}: times the law", ratio, "times", least=0.97, most=1.12))
    return checks


def too_small(seen: Round) -> list[Check]:
    said = seen["small"].said
    loop, pool, portions = (said[f"{name}_s"] for name in ("loop", "pool", "portions"))
    return [
        Check("a plain loop", loop, "s"),
        Check("a pool, piece by piece", pool, "s"),
        Check("a pool, large portions", portions, "s"),
        Check("pool, times the loop", share(pool, loop), "times", least=20),
        Check("pool, times the portions", share(pool, portions), "times", least=5),
    ]


def how_many(seen: Round) -> list[Check]:
    free, pinned = seen["free"].said, seen["pinned"].said
    return [
        Check("the machine's count", free["machine_says"], "count", least=2),
        Check("the same, held on one core", pinned["machine_says"], "count", least=2),
        Check("what may be used", free["places"], "count"),
        Check("what may be used, held on one core", pinned["places"], "count", least=1, most=1),
        Check("held: two workers, of one", share(pinned["workers_two_s"], pinned["workers_one_s"]),
              "share", least=0.9),
        Check("not held: two workers, of one", share(free["workers_two_s"], free["workers_one_s"]),
              "share", most=0.65),
    ]


def lock_costs(seen: Round) -> list[Check]:
    free, locked = seen["free"], seen["locked"]
    return [
        Check("overlap without the lock", free.at("scores.overlap"), "share", least=0.5),
        Check("overlap with it", locked.at("scores.overlap"), "share", most=0.1),
        verdict(locked, "turns", "one-after-another", name="verdict with it"),
    ]


def relay(seen: Round) -> list[Check]:
    one = seen["relay"]
    return [
        verdict(one, "relay"),
        never_two(one),
        Check("hands while anyone worked", one.at("parallelism.mean"), "mean", most=1.05),
    ]


def graham(seen: Round) -> list[Check]:
    said = seen["graham"].said
    three, four = said["cooks_3_minutes"], said["cooks_4_minutes"]
    return [
        Check("three cooks, computed", three, "minutes", least=12, most=12),
        Check("four cooks, computed", four, "minutes", least=15, most=15),
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(19, "When do more workers stop helping?",
          "When every place at the counter is taken. For pure computing that is the number of "
          "cores that you may use. A serial part or a shared tool ends it sooner.",
          (Part("workers", "more_workers"),), more_workers, needs=CORES, all_cores=True,
          keys="how many workers scale"),
    Claim(20, "What is Amdahl's law?",
          "Only you may taste and serve; friends speed up the rest. What one must do alone stays "
          "as long as it is. So with a serial share s nobody gets faster than 1/s times.",
          (Part("amdahl", "amdahl"),), amdahl, needs=CORES, keys="serial speed-up limit"),
    Claim(22, "Why is my parallel version slower?",
          "You drove one onion to the neighbour's kitchen. To hand a piece over, wrapped and "
          "unwrapped, costs more than the piece. Give larger portions, or stay at home.",
          (Part("small", "too_small"),), too_small, keys="overhead pickle chunksize pool"),
    Claim(30, "Does a lock cost parallelism?",
          "One knife: the friend waits for it. What is done under the lock is done one at a time, "
          "however many cores there are.",
          (Part("free", "threads_hashing"), Part("locked", "threads_hashing", ("locked",))),
          lock_costs, needs=CORES, keys="mutex contention"),
    Claim(36, "Two processes, two cores, and still one at a time?",
          "You wash, I dry, one plate at a time. Each waits for what the other hands over, so two "
          "never want to work at once. More cores cannot help that.",
          (Part("relay", "relay"),), relay, needs=CORES, keys="hand-over ping-pong pipe"),
    Claim(37, "Can a helper make dinner later?",
          "Yes, if she takes the wrong dish first. With a fixed order of work one more cook can "
          "change who is busy when the longest dish may begin (Graham's anomaly).",
          (Part("graham", "graham"),), graham, keys="list scheduling anomaly"),
    Claim(41, "How many cores may I use?",
          "The kitchen has many places, your booking says how many are yours. `os.cpu_count()` is "
          "the machine; affinity and the container's quota are you. Held on one core, a second "
          "worker brings nothing, whatever the machine's count says.",
          (Part("free", "more_workers"), Part("pinned", "more_workers", one_core=True)),
          how_many, needs=CORES, all_cores=True, keys="cpu_count container affinity quota"),
)
