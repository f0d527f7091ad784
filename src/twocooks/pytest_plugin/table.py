"""The closing tables of ``--twocooks`` and the file of ``--twocooks-json``.

A row is a dictionary of plain values, because it may come from another process (pytest-xdist).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from twocooks.report.base import json_number
from twocooks.report.words import clean, count, end_of, fit, plain, seconds, width_of, wrap

SCHEMA = "twocooks.tests/1"
MOST = 10
"""Rows of each table."""
LEAST_S = 0.01
"""Less lost time than this makes no test a serial one."""
NOT_OURS = {"no-free-core", "relay"}
"""Findings that make no test a serial one: somebody else had the cores; each needs the other's
result."""


def row(analysis: Any, held_s: float, whole: bool) -> dict[str, Any]:
    """What is kept of one measured test. ``whole``: with the summary."""
    summary = analysis.whole if whole else analysis.summary
    verdict, wanted = summary["verdict"], summary.get("wanted") or {}
    missed = (wanted.get("two_or_more_s") or 0.0) - (wanted.get("served_s") or 0.0)
    findings = [one for one in summary.get("findings") or [] if one["id"] not in NOT_OURS]
    found: dict[str, Any] = {
        "wall_s": summary.get("wall_s"),
        "verdict": verdict["id"],
        "cause": verdict["cause"],
        "concurrency": summary["concurrency"]["mean"],
        "parallelism": summary["parallelism"]["mean"],
        "serial_s": max([missed, *(one["seconds"] for one in findings)]),
        "why": findings[0]["sentence"] if findings else verdict.get("why") or "",
        "exact": bool((summary.get("measured") or {}).get("exact")),
        "held": _held(analysis, held_s),
    }
    if whole:
        found["summary"] = summary
    plain_values: dict[str, Any] = json.loads(json.dumps(found, default=json_number))
    return plain_values


def _held(analysis: Any, held_s: float) -> list[dict[str, Any]]:
    """The longest holds of event loops."""
    holds = [hold for loop in analysis.tell_loops(held_s) for hold in loop.held]
    holds = sorted((hold for hold in holds if hold.own_s >= held_s), key=lambda hold: -hold.own_s)
    return [
        {"seconds": hold.own_s, "task": hold.name, "where": hold.place, "times": len(holds)}
        for hold in holds[:1]
    ]


def write(rows: list[dict[str, Any]], path: str) -> None:
    """The rows as JSON. UsageError, in one line, if the file cannot be written."""
    text = json.dumps({"schema": SCHEMA, "tests": rows}, indent=1, ensure_ascii=True) + "\n"
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace("\x7f", "\\u007f"))
    except OSError as error:
        raise pytest.UsageError(
            f"--twocooks-json {path} cannot be written: {error.strerror or error}"
        ) from error


def lines(
    rows: list[dict[str, Any]], held_s: float, width: int, *, unicode: bool = True
) -> Iterator[str]:
    """The closing words: how many of what, the most serial tests, those that held a loop."""
    for line in _lines(rows, held_s, max(60, min(width, 140)), unicode):
        yield plain(line, unicode=unicode)


def _short(test: str, room: int) -> str:
    """A test's name: its parameters are cut before its file is."""
    if width_of(test) <= room:
        return test
    name, bracket, _ = test.partition("[")
    return end_of(name, room - 4) + "[..]" if bracket else end_of(name, room)


def _lines(
    rows: list[dict[str, Any]], held_s: float, width: int, unicode: bool
) -> Iterator[str]:
    told = [row for row in rows if "verdict" in row]
    kinds: dict[str, int] = {}
    for row in told:
        kinds[row["verdict"]] = kinds.get(row["verdict"], 0) + 1
    many = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda kv: -kv[1]))
    yield from wrap(f"{count(len(told), 'test')} measured: {many or 'none'}", width)
    estimated = sum(not row["exact"] for row in told)
    if estimated:
        yield f"{count(estimated, 'test')} of these by estimates or with gaps (twocooks doctor)"
    missing = [row["not_measured"] for row in rows if "not_measured" in row]
    for reason in dict.fromkeys(missing):
        yield from wrap(f"{missing.count(reason)} not measured: {clean(reason)}", width)
    serial = [row for row in told if row["serial_s"] >= LEAST_S]
    serial.sort(key=lambda row: -row["serial_s"])
    if serial:
        yield ""
        yield "Most serial: seconds in which two could have worked and less than two did"
        yield f"{'serial':>8} {'of':>8} {'at work':>8} {'on the go':>9}  test"
    for row in serial[:MOST]:
        yield (
            f"{seconds(row['serial_s']):>8} {seconds(row['wall_s'] or 0.0):>8} "
            f"{row['parallelism']:>8.2f} {row['concurrency']:>9.2f}  "
            f"{_short(clean(row['test'], unicode=unicode), width - 38)}"
        )
        why = clean(row["why"], unicode=unicode)
        head = f"{row['verdict']}{', ' + row['cause'] if row['cause'] else ''}"
        text = f"{head}: {why}" if why else head
        yield " " * 10 + fit(text, width - 10, unicode=unicode).rstrip()
    if serial[MOST:]:
        yield f"and {count(len(serial) - MOST, 'more test')}"
    held = [row for row in told if row["held"]]
    held.sort(key=lambda row: -row["held"][0]["seconds"])
    if held:
        yield ""
        yield f"Held an event loop for {seconds(held_s)} or longer"
    for row in held[:MOST]:
        hold = row["held"][0]
        more = f" ({hold['times']} times)" if hold["times"] > 1 else ""
        test = _short(clean(row["test"], unicode=unicode), width - 10)
        yield f"{seconds(hold['seconds']):>8}  {test}"
        place = clean(hold["where"], unicode=unicode) or clean(hold["task"], unicode=unicode)
        yield " " * 10 + end_of(place, width - 10 - len(more)) + more
    if held[MOST:]:
        yield f"and {count(len(held) - MOST, 'more test')}"
