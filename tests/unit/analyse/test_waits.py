"""Labels of waits: right, or unknown; never wrong."""

from __future__ import annotations

import pytest

from twocooks.analyse.waits import wait_label

LIB = "/usr/lib/python3.11"
US = "\x1f"


@pytest.mark.parametrize(
    ("syscall", "kind", "frames", "state", "reason"),
    [
        (202, 1, [], "IN_LINE", "gil"),
        (202, 0, [], "WAITING", "unknown"),
        (202, 3, ["app.py:4:work"], "WANTS_TOOL", "lock"),
        (202, 0, ["app.py:4:work"], "WAITING", "unknown"),
        (202, 2, ["app.py:4:work"], "WANTS_TOOL", "lock"),
        (
            202,
            0,
            [
                f"{LIB}/threading.py:1119:_wait_for_tstate_lock",
                f"{LIB}/threading.py:1100:join",
                "app.py:1:main",
            ],
            "DELEGATED",
            "child",
        ),
        (202, 0, [f"{LIB}/threading.py:1590:_shutdown"], "DELEGATED", "child"),
        (
            202,
            0,
            [f"{LIB}/threading.py:320:wait", f"{LIB}/threading.py:629:wait", "app.py:1:main"],
            "WAITING",
            "result",
        ),
        (
            202,
            0,
            [f"{LIB}/threading.py:320:wait", f"{LIB}/threading.py:500:acquire", "app.py:1:main"],
            "WANTS_TOOL",
            "lock",
        ),
        (
            202,
            0,
            [f"{LIB}/threading.py:320:wait", f"{LIB}/queue.py:171:get", "app.py:1:main"],
            "WAITING",
            "result",
        ),
        (
            202,
            0,
            [
                f"{LIB}/threading.py:320:wait",
                f"{LIB}/concurrent/futures/_base.py:451:result",
                "app.py:1:main",
            ],
            "WAITING",
            "result",
        ),
        (
            202,
            0,
            [f"{LIB}/multiprocessing/synchronize.py:95:__enter__", "app.py:1:w"],
            "WANTS_TOOL",
            "lock",
        ),
        (
            202,
            0,
            [f"{LIB}/multiprocessing/synchronize.py:261:wait", "app.py:1:w"],
            "WAITING",
            "result",
        ),
        (230, 0, ["app.py:4:work"], "WAITING", "sleep"),
        (61, 0, [], "WAITING", "child"),
        (0, 0, ["app.py:4:work"], "WAITING", "io"),
        (232, 0, [f"{LIB}/selectors.py:1:select"], "WAITING", "io"),
        (
            0,
            0,
            [f"{LIB}/multiprocessing/connection.py:379:_recv", "app.py:4:w"],
            "WAITING",
            "result",
        ),
        (-1, 0, [], "WAITING", "fault"),
        (9999, 0, [], "WAITING", "unknown"),
    ],
)
def test_a_look_is_labelled(
    syscall: int, kind: int, frames: list[str], state: str, reason: str
) -> None:
    told = wait_label(syscall, kind, US.join(frames))
    assert (told[0].name, str(told[1])) == (state, reason)


def test_a_users_file_called_like_a_library_is_no_library() -> None:
    told = wait_label(202, 3, US.join(["app/my_threading.py:3:wait", "app.py:1:main"]))
    assert told[0].name == "WANTS_TOOL"
