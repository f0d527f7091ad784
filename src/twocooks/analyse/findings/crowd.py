"""More native threads than cores: each worker's algebra library (BLAS, OpenMP) starts its own."""

from __future__ import annotations

import numpy as np

from twocooks.analyse.book import NATIVE
from twocooks.analyse.columns import runs, sweep_sets
from twocooks.analyse.findings.base import Facts, Finding
from twocooks.analyse.threads import REASONS
from twocooks.analyse.words import number, seconds
from twocooks.model import Reason, State
from twocooks.read.shape import distinct


class Crowd:
    """Native threads that stood in line for a core while the program's own threads alone were more
    than the cores. Processes and Python threads in a crowd are no finding: they are the work."""

    id = "too-many-threads"

    def look(self, facts: Facts) -> Finding | None:
        tiling, m = facts.line.owners.tiling, facts.m
        native = distinct(tiling.owner[tiling.thread == NATIVE])
        cores = max(1, int(m.usable))
        table = facts.stretches
        queue = (table.state == State.IN_LINE) & (table.reason == REASONS[Reason.CORE])
        theirs = queue & np.isin(table.owner, native)
        native = distinct(table.owner[theirs])  # a library may keep some that never work
        processes = len(distinct(facts.line.threads.process[native]))
        if processes < 2 and len(native) <= cores:
            return None
        on = table.state == State.WORKING
        both = on | queue
        levels = sweep_sets(
            table.start[both], table.end[both], R=np.ones(int(both.sum()), bool),
            N=theirs[both],
        )  # fmt: skip
        crowded = (levels.counts["R"] > cores) & (levels.counts["N"] > 0)
        start, end = runs(levels, crowded)
        cost = float((end - start).sum()) / 1e9
        if cost < facts.least:
            return None
        width = levels.width
        mean = float((levels.counts["R"] * width)[crowded].sum()) / float(width[crowded].sum())
        inside = f" in {processes} processes" if processes > 1 else ""
        return Finding(
            self.id,
            f"{len(native)} native threads{inside} wanted {cores} core{'s' if cores > 1 else ''}: "
            f"for {seconds(cost)} about {number(mean)} threads at once, and the rest stood in line",
            cost,
            (),
            "Let each worker use fewer threads (OMP_NUM_THREADS, threadpoolctl), so that all "
            "together are as many as the cores.",
        )
