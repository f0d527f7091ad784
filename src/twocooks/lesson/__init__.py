"""The lesson: claims about concurrency and parallelism, each proven by a small program on the
reader's own machine.

Choice: a claim is data (``claim.Claim``): its words, the programs of ``examples/`` that one round
runs, and a judge. The judge is a pure function from what was seen of the round (the summaries of
the watched programs, and what they printed) to checks: a quantity, and the bounds that theory
foretells for it. All checks hold: the round proves the claim. So each judge can be tested in both
directions with made evidence, and what stands on the page is always measured.

``stage`` plays three rounds and concludes; it throws rounds away in which other programs had the
cores, and says so rather than "refuted". ``course``, ``interview`` and ``quiz`` are built on it.
"""
