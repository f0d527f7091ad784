"""The questions of the interview, each a follow-up of the one before, with what to say.

Each answer comes in two lengths that fit ten and thirty seconds of speaking (at two and a half
words a second); kitchen first, the technical word once after it. ``LISTENS`` are the four things
that interviewers' score sheets have in common; ``marks`` say what they are for this question.
Nothing measured stands here: numbers are the reader's own, from the proofs.
"""

from __future__ import annotations

from dataclasses import dataclass

from twocooks.kitchen.lesson import TEN

WORDS_A_SECOND = 2.5
LISTENS = ("the words", "a mechanism", "evidence", "a limit")
"""What interviewers listen for, in the order of ``Rung.marks``."""
MEANS = (
    "the two words are kept apart, and used for the right thing",
    "it is said how it works: event loop, scheduler, cores, GIL, lock",
    "a number, a measurement, or a story of your own",
    "where it ends, or what it costs, is said without being asked",
)


@dataclass(frozen=True)
class Rung:
    """One question."""

    asks: str
    claims: tuple[int, ...]
    """Of ``lesson.claims``, those that prove the answer; the first is the one to run."""
    ten: str
    thirty: str
    marks: tuple[str, str, str, str]


LADDER: tuple[Rung, ...] = (
    Rung(
        "What is the difference between concurrency and parallelism?", (1,),
        TEN,
        "One cook keeps four dishes on the go by switching between them: that is concurrency. "
        "A friend comes, and two pairs of hands move at the same moment: that is parallelism. In "
        "a program the first asks how many tasks are unfinished, the second how many execute right "
        "now. An event loop with a thousand requests has the first on one core; a pool of "
        "computing processes has the second. Waiting needs the first, computing the second, and "
        "there locks and the GIL decide.",
        ("unfinished tasks are one thing, tasks executing at this instant the other",
         "switching is enough for the first, and one core; the second needs two cores",
         "an example of yours for each, or what got slower on one core",
         "which of them helps waiting, which computing, and what stands in the way")),
    Rung(
        "Can you have one without the other?", (2, 3),
        "Yes, both ways. One cook with four pots switches: concurrent, and one pair of hands. "
        "Three people peel for one soup: one dish, many hands, parallel.",
        "One cook keeps several dishes on the go with one pair of hands, and so does an event loop "
        "on one core: concurrency alone. The other way round, three people peel for one soup: a "
        "single task whose work is split inside, as a sort with helpers does, or the algebra "
        "under NumPy. That is data parallelism. Between separate tasks it is different: two that "
        "execute at one instant are both unfinished, so there the second word always brings the "
        "first along.",
        ("an example for each direction, not mixed up",
         "one thread that switches; one task whose work several cores share",
         "an event loop held on one core; cores in use while one task runs",
         "between separate tasks parallel does bring concurrent along")),
    Rung(
        "So async code is parallel, is it not?", (5, 6),
        "No. One cook with kitchen timers chops one thing at a time. Waits overlap, computing does "
        "not: an event loop runs all its tasks on one thread.",
        "A cook with timers has many pots on the stove, and chops with one pair of hands. An event "
        "loop is that cook: await means call me when the timer rings, and meanwhile another task "
        "has its turn, never two at once. Awaiting one call after the other does not even overlap "
        "the waits; they must be started together. gather shortens waiting and leaves computing as "
        "long as it was. Computing belongs into processes, at the price of sending the data there.",
        ("async is concurrent; nothing of it executes at the same moment",
         "one thread; tasks give way at await, and only there",
         "awaits in a row take the sum, gather the longest; computing stays the same",
         "a task that computes for long keeps all others waiting")),
    Rung(
        "Your service is slow. Is it computing or waiting?", (14,),
        "Are the hands busy, or watching pots? I hold the CPU seconds against the seconds on the "
        "clock: nearly equal means computing, far fewer means waiting.",
        "First I look at the cook: does she chop all the time, or stand by the pots? So I hold "
        "the CPU seconds of the process against the clock. Nearly all of it: CPU-bound, and it "
        "wants a better algorithm, processes, or native code. Hardly any: I/O-bound, and it wants "
        "waits that overlap, fewer round trips, a faster database. A third case looks idle as "
        "well: work that stands in line for a lock, for the GIL, or for a core that others have.",
        ("computing (CPU-bound) and waiting (I/O-bound), and what each of them wants",
         "CPU time against wall time, of the process and not of the machine",
         "which numbers you took, with which tool, before changing anything",
         "standing in line looks like waiting and is neither")),
    Rung(
        "You added threads, and nothing got faster. Why?", (9, 23),
        "Two cooks and one apron. In the usual Python only the thread that has the GIL may run "
        "Python code, so computing threads take turns.",
        "I hired a second cook, but there is one apron, and only who wears it may touch the food. "
        "The apron is the GIL: computing threads hand it over every few milliseconds, and together "
        "take about as long as one after the other. Threads that wait take it off, so for I/O they "
        "do help; so do libraries in C that let go of it, for hashing or algebra. For Python code "
        "that computes I take processes, or a free-threaded build, once I have measured it.",
        ("the threads were concurrent, and took turns: not parallel",
         "the GIL, and who lets go of it: waits, and C code that chooses to",
         "CPU seconds about as many as seconds on the clock, whatever the number of threads",
         "processes cost memory and sending; free-threaded builds have a price, too")),
    Rung(
        "You moved to processes, and it is still no faster. Why?", (30, 36, 22, 42),
        "One knife for all, plates handed over one by one, portions too small to carry, or "
        "strangers at the counter. I look at who stands in line, and for what.",
        "Four kitchens can still wait for each other. One knife: a lock that everybody needs makes "
        "its part serial. You wash, I dry: each process waits for what the other hands over. One "
        "onion a trip: to pickle and send a tiny piece costs more than to do it, so send larger "
        "ones. And strangers may stand at the counter: other programs have the cores. Each has "
        "another cure, so I look first at who stands in line, and for what.",
        ("on the go together is not yet at work together",
         "lock, hand-over, overhead of small pieces, no free core: which of them",
         "how long at least two wanted to work, and how long two did",
         "each cure ends somewhere: larger pieces balance worse, finer locks are harder")),
    Rung(
        "How many workers should there be?", (19, 41),
        "For chopping, as many cooks as the counter has places for you: the usable cores. For "
        "watching pots many more, up to what the other side bears.",
        "A fifth cook at a counter with four places stands behind the others. For computing I "
        "begin with one worker for each usable core: not what the machine has, but what affinity "
        "and the container's quota leave. For waiting, the number on the go is the rate times the "
        "time that each takes (Little's law), and memory and the database are its limit. Then I "
        "measure: more workers until the rate stops growing, and one step back, for beyond that "
        "only the waiting grows.",
        ("workers for computing and workers for waiting are two questions",
         "places at the counter: cores, affinity, quota; rate times time for waits",
         "a curve of throughput over workers, and where its knee is",
         "beyond the knee latency and memory grow, and throughput does not")),
    Rung(
        "What is the best that you could ever get?", (20, 21),
        "The curry needs its minutes, whoever comes, and only you may taste. So the longest chain "
        "and the serial share set the limit, not the cooks.",
        "There are two limits, however many cooks come. The curry simmers for its minutes: nobody "
        "is faster than the longest chain of steps that wait for each other. And what only I may "
        "do stays as long as it is: with a serial share s the gain stays below one over s, which "
        "is Amdahl's law. A tenth serial means never more than ten times. So before I buy "
        "machines, I compute both bounds from a profile, and work on whichever is nearer.",
        ("the gain of parallel work is bounded; concurrency removes waits, not work",
         "longest chain, and serial share (Amdahl)",
         "your own program's serial share, and the bound that follows from it",
         "overhead and shared tools end it before either bound is reached")),
    Rung(
        "Now it gives wrong numbers. What happened?", (27, 28),
        "Both cooks tasted, both added salt. Between reading a value and writing it back somebody "
        "else had changed it, and one update was lost: a race.",
        "Two cooks taste the same soup, and both add salt. Read, think, write: who changes the "
        "value in between is overwritten, a race condition. The GIL keeps single operations whole, "
        "not sequences of them. One thread is not safe either: each await between reading and "
        "writing is such a gap. I share less, or hold a lock around the whole sequence, or let one "
        "owner do all the writing. And I make switches frequent in the test, because luck hides "
        "it.",
        ("it needs concurrency, not parallelism: one thread is enough",
         "read, change, write, and a switch in between; at an await, or anywhere",
         "updates counted against updates made, run often, with frequent switches",
         "a lock mends it and costs parallelism; the GIL is no lock of yours")),
    Rung(
        "Now it hangs. What is it, and how do you find it?", (31,),
        "I hold the knife and want the board; you hold the board and want the knife: a deadlock. "
        "Cure: everybody takes them in the same order.",
        "I hold the knife and wait for the board; you hold the board and wait for the knife. "
        "Nobody lets go, so nobody goes on: a deadlock. It takes tools for one only, held while "
        "waiting for more, and a circle. I dump the stacks of all threads, and look who waits for "
        "which lock and who has it. Then I break the circle: one order for all locks, or nothing "
        "held across foreign calls. A time limit turns the hang into an error, and heals nothing.",
        ("it hangs with all of them on the go, and none at work",
         "held while waiting, in a circle; one order for all breaks it",
         "the stacks of all threads: who waits for what, and who has it",
         "time limits and retries hide it; one large lock costs parallelism")),
    Rung(
        "How would you prove any of this?", (17, 16),
        "Send the friend home: hold the program on one core. What is lost was parallelism, what "
        "stays was concurrency. Stopwatches inside the tasks cannot tell.",
        "Send the friend home, and see what takes longer. I hold the program on one core: the "
        "overlap that stays was concurrency, the time that is lost was parallelism. Stopwatches "
        "inside the tasks prove nothing; they say who was in the kitchen, not whose hands moved. "
        "Better is the kernel's own record of its context switches: who was on which core, at each "
        "moment. And I look whether cores were free, run it several times, and believe it only "
        "if the runs agree.",
        ("what stays on one core is the one, what is lost the other",
         "the kernel knows who was on a core; a task's own clock does not",
         "seconds on one core and on two, or a recording of the switches",
         "it holds for this run: other programs, and too short a run, spoil it")),
)
