"""Where the command ``twocooks`` (and ``python -m twocooks``) begins and ends.

Ctrl-C while modules load, or while the interpreter winds up, would be a traceback: there
the signal has its plain meaning, and the process ends. In between ``cli.main`` answers it.
"""

# The ``signal`` module itself takes longer to load than all that is before the first line here.
import _signal  # type: ignore[import-not-found]
import sys


def _plainly() -> bool:
    """Let Ctrl-C end the process, unless it is ignored or somebody else's; True if it was ours."""
    ours: bool = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if ours:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    return ours


_ours = _plainly()


def main() -> int:
    """Run the command line and return its exit code."""
    from twocooks import cli

    try:
        if _ours:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        return 130
    finally:
        _plainly()


if __name__ == "__main__":
    sys.exit(main())
