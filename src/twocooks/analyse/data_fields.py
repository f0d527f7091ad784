"""The columns of a run's data: each with its type, its unit and what it means.

This is their only definition: the arrays are made to it (``data``), Arrow carries it
(``export.arrow``), and docs/data.md is compared with it by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["int32", "int64", "bool", "text"]


@dataclass(frozen=True)
class Field:
    """One column."""

    name: str
    type: Type
    """``text`` columns are codes of a list of distinct texts (a dictionary, in Arrow's words)."""
    unit: str
    """"" = a number of something, or a text."""
    meaning: str
    null: str = ""
    """When there is no value; "" = there always is one."""


def _ns(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "int64", "ns", meaning, null)


def _clock(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "int64", "ns of CLOCK_MONOTONIC", meaning, null)


TASK = Field("task", "int32", "", "the task: its row in `tasks`")
PID = Field("pid", "int32", "", "the process, as the kernel numbers it")
TID = Field("tid", "int32", "", "the thread, as the kernel numbers it (numbers are used again)")
NO_CORE = "it was not on a core, or polling was the source: then nobody knows which"

MEANINGS: dict[str, str] = {
    "tasks": "A row for each task that was begun, in the order in which they were first worked on.",
    "intervals": "What each task did, from its first to its last moment without a gap: "
    "a row for each stretch. The rows of one task stand together, in order of time.",
    "waits": "The stretches in which a task stood in line or waited, with what was seen of each: "
    "a row for each wait.",
    "switches": "The kernel's own records, as they came, sorted by time. Empty where polling was "
    "the source.",
    "slices": "A row for each stretch of a thread on a core, cut where it went over to another "
    "task; helpers and the program's own work included. Sorted by core and time. Empty where "
    "polling was the source.",
    "steps": "A row for each step of an event loop (asyncio, trio) on a task, sorted by loop and "
    "time. The loop works on nothing else until the step ends.",
}

FIELDS: dict[str, tuple[Field, ...]] = {
    "tasks": (
        Field("id", "int32", "", "the number of the task: its row in this table"),
        Field(
            "kind",
            "text",
            "",
            "asyncio, trio, thread, process, item (given to a pool), block (`twocooks.task`) or "
            "shared (native threads that work for several tasks)",
        ),
        Field("name", "text", "", "as the program gave it"),
        Field("group", "text", "", "the function or name that tasks of one kind have in common"),
        Field("where", "text", "", "`file:line function` where its code begins", "not told"),
        PID,
        Field("tid", "int32", "", "the thread on which it began, as the kernel numbers it"),
        Field(
            "parent",
            "int32",
            "",
            "the task that made it: its row in this table",
            "none, or one that is not in this table",
        ),
        _clock("made_ns", "when it was made, or given to its pool"),
        _clock("begun_ns", "when it was begun: its first hundredth, or 1 ms, was done"),
        _clock("ended_ns", "when it ended", "it was not seen to end"),
        _ns("work_ns", "time at work on a core"),
        _ns("in_line_ns", "time in line for a core, the GIL, its turn on a loop, or a lock"),
        _ns("wait_ns", "time in which it waited for a timer, bytes, a result, and needed nobody"),
        _ns("delegated_ns", "time in which it only waited for tasks that it had started"),
        _ns("unknown_ns", "time of which records were lost"),
        _ns("queued_ns", "between being given to a pool and being begun"),
        Field("background", "bool", "", "a helper of a library: counts in no number of the report"),
        Field("significant", "bool", "", "it worked enough to count in the verdict"),
    ),
    "intervals": (
        TASK,
        _clock("start_ns", "begin of the stretch"),
        _clock("end_ns", "its end"),
        Field(
            "state",
            "text",
            "",
            "working (on a core), in_line, wants_tool (a lock that another one has), waiting, "
            "delegated (it only waits for its own children), unknown (records were lost)",
        ),
        Field(
            "reason",
            "text",
            "",
            "why it was not worked on: gil, core, lock, turn, result, io, sleep, child, fault, "
            "short (exact in length, too short to be labelled) or unknown",
            "it was at work, or nothing is known",
        ),
        Field("core", "int32", "", "the core it was on", NO_CORE),
        PID,
        TID,
    ),
    "waits": (
        TASK,
        _clock("start_ns", "begin of the wait"),
        _clock("end_ns", "its end"),
        Field("state", "text", "", "in_line, wants_tool or waiting, as in `intervals`"),
        Field("reason", "text", "", "as in `intervals`"),
        PID,
        TID,
        Field(
            "where",
            "text",
            "",
            "`file:line function` of the program that waited",
            "no look saw it (short waits, waits for a core, tasks between two steps of a loop)",
        ),
        Field(
            "lock",
            "int64",
            "address",
            "the lock",
            "it waited for no lock, or for one made for this one wait (a condition's)",
        ),
        Field(
            "lock_pid",
            "int32",
            "",
            "the process whose lock it is: an address means something in one process only",
            "no lock, or one between processes",
        ),
        Field("on", "text", "", "the file, pipe, socket or child that it waited on", "not seen"),
        Field(
            "holder_tid",
            "int32",
            "",
            "the thread that had the lock or the GIL for the longest part of this wait, by proof",
            "not proven, or not a wait for these",
        ),
        Field(
            "holder",
            "int32",
            "",
            "the task that this thread then worked for: its row in `tasks`",
            "as `holder_tid`, or it worked for no task",
        ),
        _ns("holder_ns", "for how much of this wait it had it", "as `holder_tid`"),
        _ns(
            "held_ns",
            "for how much of this wait it is proven who had it, all holders together",
            "not a wait for a lock or the GIL",
        ),
    ),
    "switches": (
        _clock("time_ns", "when"),
        Field(
            "event",
            "text",
            "",
            "in, out (it blocked), out_preempted (it was pushed off), fork, exit, comm (a new "
            "name), exec, lost (records of this core are missing)",
        ),
        Field("core", "int32", "", "on which core"),
        Field("pid", "int32", "", PID.meaning, "not known"),
        Field("tid", "int32", "", TID.meaning, "not known, or a loss"),
        _clock("since_ns", "since when records of this core are missing", "nothing is missing"),
    ),
    "slices": (
        Field("core", "int32", "", "the core"),
        _clock("start_ns", "begin of the stretch"),
        _clock("end_ns", "its end"),
        Field("pid", "int32", "", PID.meaning),
        TID,
        Field(
            "task",
            "int32",
            "",
            "the task it worked for: its row in `tasks`",
            "none: an event loop's own time, the start of Python, imports, a thread of a library",
        ),
    ),
    "steps": (
        TASK,
        _clock("start_ns", "when the step began"),
        _clock("end_ns", "when it ended"),
        PID,
        Field("tid", "int32", "", "the event loop's thread, as the kernel numbers it"),
    ),
}
