"""Every record of a trace, one a line.

twocooks dump [TRACE]      without TRACE: the last run
"""

from __future__ import annotations

import sys

from twocooks.cli import common


def main(argv: list[str]) -> int:
    path = common.one_trace(argv, "dump")
    from twocooks.read.dump import dump

    for line in dump(path):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return 0
