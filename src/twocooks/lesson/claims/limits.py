"""Claims about what more workers bring, and where it ends."""

from __future__ import annotations

from twocooks.lesson.claim import Check, Claim, Part, Round
from twocooks.lesson.claims.dinners import anomaly, cooked, one_knife
from twocooks.lesson.claims.hands import CORES
from twocooks.lesson.claims.turns import hands, share, verdict

HELPERS = (("one helper", 1), ("two helpers", 2))


def more_workers(seen: Round) -> list[Check]:
    said = seen["workers"].said
    one, places, crowd = (said[f"workers_{name}_s"] for name in ("one", "places", "crowd"))
    return [
        Check("one worker", one, "s"),
        Check("as many as cores", places, "s"),
        Check("four times as many", crowd, "s"),
        Check("as many as cores, of one", share(places, one), "share",
              most=1.2 / said["places"]),
        Check("four times as many, of as many", share(crowd, places), "share", least=0.95),
    ]


def amdahl(seen: Round) -> list[Check]:
    said = seen["amdahl"].said
    checks = [Check(f"{name}: took", said[f"took_{number}_s"], "s")
              for name, number in HELPERS]
    for name, number in HELPERS:
        ratio = share(said[f"took_{number}_s"], said[f"law_{number}_s"])
        checks.append(Check(f"{name}: times the law", ratio, "times", least=0.95, most=1.05))
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
    told, free, pinned = seen["told"].said, seen["free"].said, seen["pinned"].said
    places = free["places"]
    checks = [
        Check("the machine has", told["machine_says"], "count", least=places),
        Check("affinity leaves", told["affinity"], "count"),
    ]
    if "quota" in told:
        checks.append(Check("the container's quota leaves", told["quota"], "mean"))
    for name, said, used in (("with all", free, places), ("held on one", pinned, 1.0)):
        one, full, more = (said[f"workers_{key}_s"] for key in ("one", "places", "more"))
        checks += [
            Check(f"{name}: places", said["places"], "count", least=used, most=used),
            Check(f"{name}: as many workers, of one", share(full, one), "share",
                  most=1.2 / used if used > 1 else None),
            Check(f"{name}: one more, of as many", share(more, full), "share", least=0.95),
        ]
    return checks


def lock_costs(seen: Round) -> list[Check]:
    free, locked = seen["free"], seen["locked"]
    return [
        Check("overlap without the lock", free.at("scores.overlap"), "share", least=0.5),
        Check("overlap with it", locked.at("scores.overlap"), "share", most=0.1),
        verdict(locked, "turns", "one-after-another", name="verdict with it"),
        *one_knife(seen),
    ]


def relay(seen: Round) -> list[Check]:
    one = seen["relay"]
    return [
        verdict(one, "relay"),
        hands(one, most=1.02),
    ]


def graham(seen: Round) -> list[Check]:
    said = seen["graham"].said
    three, four = said["cooks_3_minutes"], said["cooks_4_minutes"]
    return [
        Check("three cooks, computed", three, "minutes", least=12, most=12),
        Check("four cooks, computed", four, "minutes", least=15, most=15),
        *anomaly(seen),
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
          (Part("free", "threads_hashing"), Part("locked", "threads_hashing", ("locked",)),
           cooked("alone", "switching", "oneknife"),
           cooked("friend", "friend", "oneknife")),
          lock_costs, needs=CORES, keys="mutex contention"),
    Claim(36, "Two processes, two cores, and still one at a time?",
          "You wash, I dry, one plate at a time. Each waits for what the other hands over, so two "
          "never want to work at once. More cores cannot help that.",
          (Part("relay", "relay"),), relay, needs=CORES, keys="hand-over ping-pong pipe"),
    Claim(37, "Can a helper make dinner later?",
          "Yes, if she takes the wrong dish first. With a fixed order of work one more cook can "
          "change who is busy when the longest dish may begin (Graham's anomaly).",
          (Part("graham", "graham"),
           cooked("three", "friend-switching", "graham", changes={"friends": 0}, cores=4),
           cooked("four", "friend-switching", "graham", cores=4)),
          graham, keys="list scheduling anomaly"),
    Claim(41, "How many cores may I use?",
          "The kitchen has many places, your booking says how many are yours. `os.cpu_count()` is "
          "the machine; affinity and the container's quota are you. Held on one core, a second "
          "worker brings nothing, whatever the machine's count says.",
          (Part("told", "how_many"), Part("free", "more_workers"),
           Part("pinned", "more_workers", one_core=True)),
          how_many, needs=CORES, all_cores=True, keys="cpu_count container affinity quota"),
)
