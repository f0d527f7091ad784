"""Made evidence for each claim: a round that proves it, and changes that each must refute it."""

from __future__ import annotations

from typing import Any

from twocooks.lesson.claim import Seen


def seen(
    verdict: str = "turns", cause: str | None = None, *, said: dict[str, float] | None = None,
    busy: float = 1.0, hands: float = 1.0, two: float = 0.0, go: tuple[float, int] = (2.0, 2),
    overlap: float = 0.0, won: float = 0.0, free: float = 2.0, company: float = 1.0, most: int = 1,
    cores: tuple[int, float] = (1, 1.0),
    turns: int = 100, pushed: tuple[int, int] = (0, 0), active: float = 1.0,
    dishes: tuple[tuple[float, float], ...] = (), gil: bool = True,
) -> Seen:
    """A watched program as a judge sees it; ``cores``: most at work at once, and on average."""
    summary: dict[str, Any] = {
        "gil": gil,
        "verdict": {"id": verdict, "cause": cause},
        "parallelism": {"mean": hands, "max": most, "two_or_more_s": two},
        "concurrency": {"mean": go[0], "max": go[1]},
        "cores": {"free": free, "usable": 2.0},
        "cores_used": {"max": cores[0], "mean": cores[1]},
        "time": {"on_core_s": busy * hands},
        "scores": {"overlap": overlap, "company": company, "contests_won": won},
        "switches": {"turns": turns, "preempted": pushed[0], "total": pushed[1]},
    }
    return Seen(summary, said or {}, active, dishes)


def parallel(**changes: Any) -> Seen:
    """Two at work for all of the time."""
    usual: dict[str, Any] = {"verdict": "parallel", "hands": 2.0, "two": 1.0, "overlap": 1.0,
                             "most": 2, "cores": (2, 2.0), "won": 1.0}
    return seen(**{**usual, **changes})


def said(**numbers: float) -> Seen:
    return seen(said=numbers)


PROCESSES = {"took_s": 0.3, "work_s": 0.6}
PINNED = seen("turns", "one-core", said={"took_s": 0.6, "work_s": 0.6}, pushed=(95, 100))
WATCHES = {"took_s": 0.6, "work_s": 0.6,
           "stopwatches_together_s": 0.58, "shorter_stopwatch_s": 0.59}
GRID = {f"{work}_{way}_s": 0.4 for work in ("waiting", "computing")
        for way in ("plain", "asyncio", "threads", "processes")} | {
    "waiting_asyncio_s": 0.1, "waiting_threads_s": 0.1, "waiting_processes_s": 0.1,
    "computing_processes_s": 0.2}
WORKERS = {"places": 2, "workers_one_s": 0.4, "workers_places_s": 0.2, "workers_more_s": 0.2,
           "workers_crowd_s": 0.21}
HELD = {**WORKERS, "places": 1, "workers_places_s": 0.4, "workers_more_s": 0.4}
SAME = {"plain_s": 0.2, "threads_s": 0.2, "threads_cpu_s": 0.2, "processes_s": 0.1,
        "processes_cpu_s": 0.2}
CROWD = {"verdict": "both", "said": {"places": 2}, "go": (4.0, 4)}
PIZZA = tuple((0.0, 1.0) for _ in range(12))
OVENS = ("one cook, one oven", "two cooks, one oven", "one cook, two ovens", "two cooks, two ovens")
THANKSGIVING = {name: seen(active=minutes * 0.025)
                for name, minutes in zip(OVENS, (22, 22, 16, 15), strict=True)}
ROOM = {name: seen(active=minutes * 0.025, dishes=((0.0, each * 0.025),) * 12,
                   said={"burnt": burnt})
        for name, minutes, each, burnt in (
            ("1 at once", 72, 6, 0), ("2 at once", 41, 7, 0), ("4 at once", 37, 9.6, 0),
            ("all at once", 36, 25, 12))}
TUESDAY = {name: seen(active=minutes * 0.05)
           for name, minutes in (("one after another", 40), ("with a friend, switching", 13))}
NO_BREAKS = seen(active=22 * 0.05, said={"burnt": 2})
KNIFE = {"alone": seen(active=20 * 0.05), "friend": seen(active=17 * 0.05)}
CROWDED = seen("turns", "no-free-core", overlap=0.08, free=0.3)

PROVES: dict[int, dict[str, Seen]] = {
    1: {**TUESDAY, "alone, switching": seen(go=(3.3, 4)), "with a friend": parallel(two=0.35)},
    2: {"loop": seen(go=(3.9, 4)), "pinned": seen()},
    3: {"sort": seen("many-hands", cores=(2, 1.7))},
    4: {"waits": said(in_a_row_s=0.25, together_s=0.05)},
    5: {"awaits": seen("one-after-another", "await-by-await", company=0.0)},
    6: {"gather": said(plain_s=0.1, gather_s=0.102)},
    7: {"heartbeat": said(median_late_s=0.0001, longest_late_s=0.2), "dinner": NO_BREAKS},
    8: {"sleeps": said(blocking_s=0.5, awaited_s=0.1, threads_s=0.1)},
    9: {"threads": seen("turns", "gil", said=WATCHES)},
    10: {"threads": seen("waiting-together", said={"took_s": 0.11, "cpu_s": 0.01}, go=(20.0, 20))},
    11: {"hashing": parallel()},
    12: {"processes": parallel(said=PROCESSES)},
    13: {"grid": said(**GRID)},
    14: {"both": said(computing_share=1.0, waiting_share=0.01)},
    15: {"pinned": PINNED},
    16: {"threads": seen(said=WATCHES)},
    17: {"two": parallel(two=0.7, active=2.0), "one": seen(active=2.7)},
    18: {"crowd": parallel(**CROWD)},
    19: {"workers": said(**WORKERS)},
    20: {"amdahl": said(took_1_s=0.4, law_1_s=0.4, took_2_s=0.255, law_2_s=0.25)},
    21: {"both": parallel(active=13 * 0.05)},
    22: {"small": said(loop_s=0.0002, pool_s=0.3, portions_s=0.004)},
    23: {"same": said(**SAME)},
    24: {"cost": said(loop_turn_s=2e-6, thread_turn_s=1e-5, loop_switches=0,
                      thread_switches=8000)},
    25: {"pieces": said(pieces_10_s=0.03, pieces_1000_s=0.03, pieces_100000_s=0.4)},
    26: {"loop": said(left_unfinished=0), "pinned": PINNED},
    27: {"race": said(wanted=400, found=200, found_plainly=400)},
    28: {"race": said(wanted=4000, found=1000)},
    29: {"shelf": said(wanted=400, appended=400, counted=300)},
    30: {"free": parallel(overlap=0.7), "locked": seen(), **KNIFE},
    31: {"tools": said(crossed_gave_up=1, crossed_s=0.32, ordered_gave_up=0, ordered_s=0.04)},
    32: {"lock": said(longest_run=20)},
    33: THANKSGIVING,
    34: {"pizzas": seen(active=3.0, dishes=PIZZA, go=(4.0, 12))},
    35: ROOM,
    36: {"relay": seen("relay", "hand-over")},
    37: {"graham": said(cooks_3_minutes=12, cooks_4_minutes=15)},
    38: {"board": parallel(said={"slower_cpu_s": 0.5}),
         "two": parallel(said={"slower_cpu_s": 0.3})},
    39: {"clients": seen(said={"took_s": 0.21, "cpu_s": 0.01}, go=(900.0, 1000))},
    40: {"bell": said(without_breaks_s=0.3, with_breaks_s=0.01)},
    41: {"told": said(machine_says=4, affinity=2), "free": said(**WORKERS),
         "pinned": said(**HELD)},
    42: {"free": parallel(said=PROCESSES), "taken": CROWDED},
}
REFUTES: dict[int, list[dict[str, Seen]]] = {
    1: [{"alone, switching": seen(go=(3.3, 4), hands=1.2)}, {"alone, switching": seen(go=(1.0, 1))},
        {"with a friend": parallel(two=0.1)}],
    2: [{"pinned": parallel()}, {"loop": seen(go=(1.0, 1))}],
    3: [{"sort": seen("single")}, {"sort": parallel()}],
    4: [{"waits": said(in_a_row_s=0.25, together_s=0.2)}],
    5: [{"awaits": seen("turns", "one-loop")}],
    6: [{"gather": said(plain_s=0.1, gather_s=0.05)},
        {"gather": parallel(said={"plain_s": 0.1, "gather_s": 0.1})}],
    7: [{"heartbeat": said(median_late_s=0.0001, longest_late_s=0.01)},
        {"heartbeat": said(median_late_s=0.002, longest_late_s=0.2)},
        {"dinner": seen(active=19 * 0.05, said={"burnt": 2})},
        {"dinner": seen(active=22 * 0.05, said={"burnt": 0})}],
    8: [{"sleeps": said(blocking_s=0.1, awaited_s=0.1, threads_s=0.1)},
        {"sleeps": said(blocking_s=0.5, awaited_s=0.5, threads_s=0.1)}],
    9: [{"threads": parallel(said={**WATCHES, "took_s": 0.3})},
        {"threads": seen("turns", "gil", said=WATCHES, gil=False)}],
    10: [{"threads": seen("turns", said={"took_s": 2.0, "cpu_s": 0.01}, go=(20.0, 20))}],
    11: [{"hashing": seen(overlap=0.02)}],
    12: [{"processes": seen(said={"took_s": 0.6, "work_s": 0.6})}],
    13: [{"grid": said(**{**GRID, "computing_threads_s": 0.2})},
         {"grid": said(**{**GRID, "computing_processes_s": 0.4})},
         {"grid": seen(said=GRID, gil=False)}],
    14: [{"both": said(computing_share=0.1, waiting_share=0.01)},
         {"both": said(computing_share=1.0, waiting_share=0.9)}],
    15: [{"pinned": parallel(said=PROCESSES)}],
    16: [{"threads": parallel(said=WATCHES)}, {"threads": seen(said=WATCHES, gil=False)},
         {"threads": seen(said={**WATCHES, "stopwatches_together_s": 0.1})}],
    17: [{"one": seen(active=2.0)}, {"one": seen(active=4.0)}],
    18: [{"crowd": parallel(**{**CROWD, "most": 4})}, {"crowd": parallel(**CROWD, turns=1)},
         {"crowd": parallel(**{**CROWD, "verdict": "parallel"})}],
    19: [{"workers": said(**{**WORKERS, "workers_places_s": 0.4})},
         {"workers": said(**{**WORKERS, "workers_crowd_s": 0.1})}],
    20: [{"amdahl": said(took_1_s=0.4, law_1_s=0.4, took_2_s=0.2, law_2_s=0.25)},
         {"amdahl": said(took_1_s=0.4, law_1_s=0.4, took_2_s=0.4, law_2_s=0.25)}],
    21: [{"both": parallel(active=8 * 0.05)}],
    22: [{"small": said(loop_s=0.0002, pool_s=0.0003, portions_s=0.0003)}],
    23: [{"same": said(**{**SAME, "threads_s": 0.1})},
         {"same": said(**{**SAME, "processes_s": 0.2})},
         {"same": seen(said=SAME, gil=False)}],
    24: [{"cost": said(loop_turn_s=1e-5, thread_turn_s=1e-5, loop_switches=0,
                       thread_switches=8000)},
         {"cost": said(loop_turn_s=2e-6, thread_turn_s=1e-5, loop_switches=4000,
                       thread_switches=8000)}],
    25: [{"pieces": said(pieces_10_s=0.03, pieces_1000_s=0.03, pieces_100000_s=0.03)}],
    26: [{"loop": said(left_unfinished=30)}, {"pinned": seen(pushed=(5, 100))}],
    27: [{"race": said(wanted=400, found=400, found_plainly=400)},
         {"race": seen(said={"wanted": 400, "found": 200, "found_plainly": 400}, gil=False)}],
    28: [{"race": said(wanted=4000, found=4000)}, {"race": said(wanted=4000, found=1001)}],
    29: [{"shelf": said(wanted=400, appended=399, counted=300)},
         {"shelf": said(wanted=400, appended=400, counted=400)}],
    30: [{"locked": parallel(overlap=0.7)}, {"free": seen()}, {"friend": seen(active=10 * 0.05)},
         {"alone": seen(active=10 * 0.05)}],
    31: [{"tools": said(crossed_gave_up=0, crossed_s=0.04, ordered_gave_up=0, ordered_s=0.04)},
         {"tools": said(crossed_gave_up=1, crossed_s=0.32, ordered_gave_up=1, ordered_s=0.32)}],
    32: [{"lock": said(longest_run=1)}],
    33: [{OVENS[2]: seen(active=22 * 0.025)}, {OVENS[1]: seen(active=12 * 0.025)}],
    34: [{"pizzas": seen(active=3.0, dishes=PIZZA, go=(5.0, 12))}],
    35: [{"4 at once": seen(active=60 * 0.025, dishes=ROOM["4 at once"].dishes,
                              said={"burnt": 0})},
         {"4 at once": seen(active=37 * 0.025, dishes=PIZZA, said={"burnt": 0})},
         {"1 at once": seen(active=72 * 0.025, dishes=ROOM["1 at once"].dishes,
                            said={"burnt": 3})},
         {"all at once": seen(active=36 * 0.025, dishes=ROOM["all at once"].dishes,
                              said={"burnt": 0})}],
    36: [{"relay": parallel()}, {"relay": seen("turns", "gil")}],
    37: [{"graham": said(cooks_3_minutes=15, cooks_4_minutes=12)}],
    38: [{"board": parallel(said={"slower_cpu_s": 0.3})},
         {"board": parallel(said={"slower_cpu_s": 0.5}, hands=1.1)}],
    39: [{"clients": seen(said={"took_s": 0.21, "cpu_s": 0.01}, go=(100.0, 100))}],
    40: [{"bell": said(without_breaks_s=0.3, with_breaks_s=0.2)}],
    41: [{"pinned": said(**WORKERS)}, {"free": said(**{**WORKERS, "workers_places_s": 0.4})},
         {"free": said(**{**WORKERS, "workers_more_s": 0.1})},
         {"told": said(machine_says=1, affinity=2)}],
    42: [{"free": PINNED}, {"taken": parallel(said=PROCESSES)},
         {"taken": seen("turns", "gil", free=0.3)}],
}
