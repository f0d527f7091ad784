"""THE event table. It is the only definition of what a trace file holds.

The writer's C header (``src/core/events.h``), the readers, the text dump and ``FORMAT.md`` derive
from it (``python -m twocooks.format.generate``); a test fails when one of them is stale. Numbers
are append-only: a newer version only adds rows, so a version is a prefix of the table.

A file is a head and blocks::

    head   8 bytes b"twocooks" · u32 version · u32 zero
    block  u32 payload length · u8 block kind · 3 zero bytes · u32 crc32 of the payload · payload

All integers of heads are little-endian. A META and an END block hold one JSON object (UTF-8).
An EVENTS block holds consecutive records of one stream::

    varint stream kind · varint key_a · varint key_b · varint base time (ns, CLOCK_MONOTONIC)
    then records: varint (dt << 3 | short) [varint event number, where short == 7] fields...

``dt`` is the time since the record before (since the base time for the first) in ns. ``short`` is
the event's short code within its stream kind (0..6), 7 announces the event's number. A step back
in time is a TIME_BACK record (dt 0) whose field is subtracted from the running time.
All state (last time, last thread on the CPU, last task) starts anew with each block, so a block
can be decoded alone and a lost block costs no other. Varints are LEB128, at most 10 bytes; signed
fields are zigzag-coded.

Field types:

``u``     varint
``s``     zigzag varint
``task``  zigzag difference to the task reference before it in this block (starting from 0)
``str``   varint length in bytes (at most 4096), UTF-8 with surrogateescape. Text made of several
          parts separates them by U+001F.
"""

# ruff: noqa: E501 - a table reads better in rows
from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

MAGIC = b"twocooks"
VERSION = 1
MAX_STRING = 4096
SEPARATOR = "\x1f"


class Block(IntEnum):
    META = 1
    """JSON: what was started, where, by which Python, with which options. Later ones add keys."""
    EVENTS = 2
    END = 3
    """JSON: how it ended: exit status, the kernel's totals, losses. Missing in a file whose
    recorder was killed."""


class Stream(IntEnum):
    """Kinds of streams; key_a and key_b say which one of its kind."""

    KERNEL = 1
    """key_a = CPU number, key_b = 0. The kernel's own records of the program's process tree."""
    AGENT = 2
    """key_a = pid, key_b = tid. What the agent inside the program says happened on this thread."""
    LOOK = 3
    """key_a = key_b = 0. The recorder's looks at waiting threads."""
    POLL = 4
    """key_a = key_b = 0. Accounts read from /proc where the kernel refuses its records."""
    METER = 5
    """key_a = key_b = 0. The machine around the program: other programs, steal, quota."""


class Event(NamedTuple):
    """One row: a number for ever, a name, the stream it lives in, its short code or None, fields
    as (name, type), and what it means."""

    number: int
    name: str
    stream: Stream | None
    short: int | None
    fields: tuple[tuple[str, str], ...]
    doc: str


K, A, L, P, M = Stream.KERNEL, Stream.AGENT, Stream.LOOK, Stream.POLL, Stream.METER
TEXT = ("text", "str")

EVENTS: tuple[Event, ...] = (
    Event(0, "TIME_BACK", None, None, (("ns", "u"),), "The running time goes back by ns."),
    # The kernel's records, one stream a CPU. "This thread" = the one last IN on this CPU within this
    # block and since the last LOST; where there is none, OUT is written in full.
    Event(1, "OUT", K, 0, (), "This thread left the core: it blocked."),
    Event(2, "OUT_PREEMPTED", K, 1, (), "This thread was pushed off the core."),
    Event(3, "IN", K, 2, (("tid", "u"),), "A thread came on the core (pid as known before)."),
    Event(4, "IN_FULL", K, 3, (("pid", "u"), ("tid", "u")), "IN, naming the process as well."),
    Event(5, "OUT_FULL", K, 4, (("pid", "u"), ("tid", "u")), "OUT of a thread named in full."),
    Event(6, "OUT_FULL_PREEMPTED", K, 5, (("pid", "u"), ("tid", "u")), "The same, pushed off."),
    Event(7, "FORK", K, None, (("pid", "u"), ("tid", "u"), ("ppid", "u"), ("ptid", "u")),
          "A process (tid = pid) or a thread was made by thread ptid of process ppid."),
    Event(8, "EXIT", K, None, (("pid", "u"), ("tid", "u")), "A thread ended; its memory may not have."),
    Event(9, "COMM", K, None, (("pid", "u"), ("tid", "u"), TEXT), "The kernel's name of a thread changed."),
    Event(10, "EXEC", K, None, (("pid", "u"), ("tid", "u"), TEXT),
          "The process runs another program now; its other threads are gone."),
    Event(11, "LOST", K, 6, (("count", "u"), ("since_ns", "u")),
          "The ring was full: count records of this CPU are missing in the since_ns before now."),
    # The agent's records, one stream a thread.
    Event(16, "STEP", A, 0, (("task", "task"),), "A step of a task (of asyncio or trio) began on this thread."),
    Event(17, "STEP_END", A, 1, (("wait", "u"),), "The running step ended; the task waits (model.Wait)."),
    Event(18, "STEP_YIELD", A, 2, (), "The running step ended and its task is ready already (bare yield)."),
    Event(19, "STEP_DONE", A, 3, (), "The running step ended and its task is done."),
    Event(20, "READY", A, 4, (("task", "task"),),
          "The task was put in its loop's line. Inside another task's step: that one woke it."),
    Event(21, "TASK_NEW", A, 5, (("task", "task"),), "A task was made (by the running step's task)."),
    Event(22, "TASK_NAME", A, 6, (("task", "task"), TEXT), "Parts: name, function, file, line, kind (asyncio where there is none). When it is made, and when renamed."),
    Event(23, "HELLO", A, None, (("python", "u"), ("flags", "u"), ("runtime", "u"), TEXT),
          "The agent is in: sys.hexversion; flags 1 = GIL on, 2 = after fork, 4 = free-threaded build; address of _PyRuntime; "
          "parts: implementation, script or module, executable."),
    Event(24, "THREAD", A, None, (("daemon", "u"), TEXT), "A threading.Thread begins; parts: name, function, file, line."),
    Event(25, "THREAD_END", A, None, (TEXT,), "It ends; its last name."),
    Event(26, "PROCESS_NAME", A, None, (TEXT,), "A multiprocessing process begins; parts: name, function, file, line."),
    Event(27, "IMPORT", A, None, (TEXT,), "An import that is not inside another one begins on this thread."),
    Event(28, "IMPORT_END", A, None, (), "It ends."),
    Event(29, "LOOP", A, None, (("loop", "u"),), "An event loop starts running on this thread."),
    Event(30, "LOOP_END", A, None, (), "It stops."),
    Event(31, "ITEM_NEW", A, None, (("item", "u"), ("pool", "u"), TEXT),
          "A piece of work was given to a pool (1 threads, 2 processes, 3 multiprocessing.Pool); parts: function, file, line."),
    Event(32, "ITEM", A, None, (("item", "u"), TEXT), "A worker begins it; same parts (empty = as in ITEM_NEW)."),
    Event(33, "ITEM_END", A, None, (("item", "u"),), "It ends."),
    Event(34, "BLOCK", A, None, (("block", "u"), TEXT), "A twocooks.task block begins in the running task. A number that is open elsewhere: that block goes on here."),
    Event(35, "BLOCK_END", A, None, (("block", "u"),), "It ends."),
    Event(36, "AGENT_LOST", A, None, (("count", "u"),), "There was no room: so many events of this thread are missing before now."),
    Event(37, "GIL_ON", A, None, (TEXT,), "An import switched the GIL back on; its name."),
    Event(38, "TASK_LATE", A, None, (("task", "task"),), "The task's beginning was not seen; this is its first sign."),
    Event(39, "MAIN_END", A, None, (), "The program's main thread has done all that was asked of it, exit functions too; what "
          "follows on it is Python's own clearing up."),
    Event(40, "NOT_FOLLOWED", A, None, (TEXT,), "The process uses a library whose pieces of work are not followed; its name."),
    Event(41, "INTERPRETER", A, None, (("id", "u"),), "This thread made a sub-interpreter in its process."),
    Event(42, "DUE", A, None, (("late_ns", "u"),), "The task of the READY that follows is put in line by a timer that ran out so long before now: the loop was held, or looked late."),
    Event(43, "TIMERS", A, None, (), "Of the loop that begins (LOOP, just before) each timer that puts a task in line a millisecond or more late says so (DUE)."),
    # Looks at waiting threads: the raw facts; reasons are settled in analyse.
    Event(48, "TEXT", L, None, (("id", "u"), TEXT), "Names a text of this stream from here on."),
    Event(49, "LOOK", L, 0, (("pid", "u"), ("tid", "u"), ("took_ns", "u"), ("syscall", "u"), ("arg", "u"), ("kind", "u"), ("where", "u")),
          "Between now - took_ns and now the thread waited in this system call with this first "
          "argument (system call 0xffffffff: none, a page fault or stopped); kind 0 plain, 1 = on the GIL, "
          "2 = futex on a parked lock (arg = its address), 3 = futex of a semaphore, 4 = stopped by a "
          "signal or a debugger, whatever the system call, 5 = on the lock inside an object of a free-threaded Python, which its methods take by themselves (arg as with 2), "
          "6 = the interpreter has stopped all threads but one; 8 is added to 2, 3 and 5 where the wait has a time limit; where = a TEXT "
          "id (0 = not known), parts: frame, frame, ... innermost first, each 'file:line:function'."),
    Event(50, "HOLDER", L, 1, (("pid", "u"), ("tid", "u"), ("took_ns", "u"), ("waiter", "u"), ("lock", "u"), ("turn", "u"), ("how", "u"), ("where", "u")),
          "At some moment between now - took_ns and now thread tid had what thread waiter of the same process waited for "
          "(lock = the LOOK's arg; turn = how often the GIL had changed hands, 0 for a lock); how 1 = CPython says it has the GIL, 2 = CPython says it owns the RLock, 3 = a frame of it stands "
          "inside the body of a `with` over the lock, 4 = a frame of it stands between a call of the lock's acquire() and one of its release(); where as in LOOK, of a thread that may be running: about. True if the "
          "waiter waited on and nothing changed hands meanwhile, which is for the reader to prove."),
    Event(51, "RUN", L, 2, (("pid", "u"), ("tid", "u"), ("took_ns", "u"), ("has_gil", "u"), ("where", "u")),
          "A sample: at about now - took_ns the thread was on a core, and it had the GIL (1), had it not (0: native code), or nobody "
          "knows (2: no GIL); where as in LOOK, about: the thread may have moved on."),
    Event(52, "FILE", L, 3, (("tid", "u"), ("what", "u")),
          "The LOOK of this thread that follows is a wait on this: a TEXT id; a path, 'pipe:[inode]', 'socket:[inode]', or 'tcp own end > other end socket:[inode]' (also udp, unix; '-' is an end without a name); several (epoll, poll, select) joined by ', ', then without the socket's number where there are ends; before a LOOK of kind 5 'object:TYPE'."),
    Event(53, "PEER", L, 4, (("tid", "u"), ("part", "u"), ("pid", "u")),
          "Of what the FILE before (of this thread) names, the part-th (from 0) had its other end open in this process, then; there may be more. None: not known."),
    Event(54, "LINE", L, 5, (("tid", "u"), ("ns", "u")),
          "Until the LOOK of this thread that follows it had stood in line for a core for so long, in all its life: from being woken, or pushed off, to being on a core."),
    # Accounts from /proc, where there are no kernel records.
    Event(64, "POLL", P, 0, (("pid", "u"), ("tid", "u"), ("run_ns", "u"), ("line_ns", "u"), ("turns", "u")),
          "Growth of the thread's schedstat since its last POLL: on a core, in line, times on a core."),
    Event(65, "POLL_TICK", P, 1, (("took_ns", "u"),), "A round of looks ended; POLLs since the last tick belong to it."),
    Event(66, "POLL_NEW", P, None, (("pid", "u"), ("tid", "u"), ("ppid", "u"), TEXT), "A thread was first seen; its comm. Again: it has another comm now."),
    Event(67, "POLL_GONE", P, None, (("pid", "u"), ("tid", "u")), "It was no longer there."),
    Event(68, "POLL_CPU", P, None, (("cpu_ns", "u"),), "The CPU clock of the program's whole tree so far, as far as it is known."),
    # The machine around.
    Event(80, "METER", M, 0, (("busy_ns", "u"), ("steal_ns", "u"), ("own_ns", "u"), ("throttled_ns", "u")),
          "Since the last METER, over the usable CPUs: busy with anything, stolen by the hypervisor, "
          "the program's own CPU time (with ours), and held back by the cgroup quota."),
    Event(81, "CPUS", M, None, (("usable", "u"), ("online", "u"), ("quota_milli", "u")),
          "Cores that the program may use, cores there are, quota in thousandths of a core (0 = none)."),
    Event(82, "TASK_CLOCK", M, None, (("ns", "u"),), "The kernel's task clock of the whole tree so far."),
)

BY_NUMBER = {event.number: event for event in EVENTS}
BY_NAME = {event.name: event for event in EVENTS}
BY_SHORT = {(event.stream, event.short): event for event in EVENTS if event.short is not None}
