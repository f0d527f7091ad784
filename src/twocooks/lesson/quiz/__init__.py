"""The quiz: pictures of runs without their verdict, for the reader to name.

Choice: a generated run is written as the recorder would write it (``tape``), through the format's
own encoder into a trace file, and read and judged like any other. So a verdict in the quiz is
computed, never typed: ``runs`` only aims at one, and tests hold it to its aim. ``live`` records the
lesson's programs instead. ``reasons`` names the rule that decided, with its two numbers, from the
summary; ``play`` asks, reveals and counts.
"""
