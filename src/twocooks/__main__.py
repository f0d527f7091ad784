"""``python -m twocooks`` is the command ``twocooks``."""

import sys

from twocooks.cli import main

if __name__ == "__main__":
    sys.exit(main())
