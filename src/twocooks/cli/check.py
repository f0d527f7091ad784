"""Is a trace sound, and do its numbers agree with the kernel's own?

  twocooks check [TRACE]      without TRACE: the last run

Prints a line for each problem and ends with 1 if there are any.
"""

from __future__ import annotations

import sys

from twocooks.cli import common
from twocooks.report.words import clean


def main(argv: list[str]) -> int:
    path = common.one_trace(argv, "check")
    common.load_numpy()
    with common.progress(f"checking {path.name}"):
        from twocooks.cli.report import analyse_file
        from twocooks.read import check

        problems, trace = check.check_file(path)
        looks = list(check.said_of_looks(trace))
        del trace
        identities = [] if problems else analyse_file(path).identities
    failed = [(name, numbers) for name, holds, numbers in identities if not holds]
    unicode = common.place(sys.stdout).unicode
    for problem in problems:
        print(clean(str(problem), unicode=unicode))
    for name, numbers in failed:
        print(clean(f"{name} does not hold: {numbers}", unicode=unicode))
    if problems or failed:
        return 1
    for name, _, numbers in identities:
        print(clean(f"ok  {name}: {numbers}", unicode=unicode))
    for line in looks:
        print(f"    {line}")
    print(f"{clean(str(path), unicode=unicode)} is sound")
    return 0
