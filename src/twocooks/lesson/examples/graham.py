"""A helper who makes dinner late: nine steps in a fixed order, a free cook takes the next one."""

import heapq

MINUTES = {"t1": 3, "t2": 2, "t3": 2, "t4": 2, "t5": 4, "t6": 4, "t7": 4, "t8": 4, "t9": 9}
AFTER = {"t5": "t4", "t6": "t4", "t7": "t4", "t8": "t4", "t9": "t1"}


def dinner(cooks: int) -> int:
    """The minute in which the last step is done."""
    todo, done_at, busy, now = list(MINUTES), dict[str, int](), list[tuple[int, str]](), 0
    while todo or busy:
        for step in [s for s in todo if AFTER.get(s, "") in done_at or s not in AFTER]:
            if len(busy) < cooks:
                todo.remove(step)
                heapq.heappush(busy, (now + MINUTES[step], step))
        now, step = heapq.heappop(busy)
        done_at[step] = now
        while busy and busy[0][0] == now:
            done_at[heapq.heappop(busy)[1]] = now
    return now


for number in (3, 4):
    print(f"cooks_{number}_minutes", dinner(number))
