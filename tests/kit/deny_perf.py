"""Runs a command on a kernel that denies perf_event_open, as containers do.

    python -m tests.kit.deny_perf ERRNO COMMAND...

A seccomp filter, which all that the command starts inherits. Needs no rights.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
PERF_EVENT_OPEN = 298
"""Its number on x86-64."""


def deny(code: int) -> None:
    """From here on perf_event_open fails with this errno in this process and its children."""
    rules = b"".join(
        struct.pack("=HBBI", *rule)
        for rule in (
            (0x20, 0, 0, 0),  # load the number of the system call
            (0x15, 0, 1, PERF_EVENT_OPEN),
            (0x06, 0, 0, 0x00050000 | code),  # SECCOMP_RET_ERRNO
            (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )
    kept = ctypes.create_string_buffer(rules, len(rules))
    program = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(rules) // 8, ctypes.addressof(kept))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    deny(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
