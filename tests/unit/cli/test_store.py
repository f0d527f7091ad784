"""The folder of traces."""

import os
from pathlib import Path

import pytest

from twocooks.cli import store


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "twocooks"


def test_the_last_twenty_are_kept(state: Path) -> None:
    paths = []
    for second in range(30):
        path = state / f"20260101-0000{second:02d}-000-x-1{store.SUFFIX}"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        paths.append(path)
    other = state / "notes.txt"
    other.touch()
    new = store.new("x")
    new.touch()
    left = sorted(state.glob("*" + store.SUFFIX))
    assert left == [*paths[-(store.KEEP - 1) :], new]
    assert other.exists()


def test_the_last_is_the_newest(state: Path) -> None:
    assert store.last() is None
    first = store.new("a")
    first.touch()
    (state / "zzz.2cooks").touch()
    assert store.last() == first


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a b\n\x1b", "." * 90, "日本"])
def test_names_stay_in_the_folder(state: Path, name: str) -> None:
    path = store.new(name)
    assert path.parent == state
    path.touch()
    assert store.last() == path


def test_only_the_owner_may_look(state: Path) -> None:
    assert store.new("x").parent.stat().st_mode & 0o077 == 0


def test_without_a_home_there_is_still_a_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    assert store.new("x").parent.is_dir()


def test_a_relative_state_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.folder() == tmp_path / ".local" / "state" / "twocooks"


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home that cannot be written to, and a folder for temporary files."""
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def test_without_a_home_the_last_trace_is_found_all_the_same(no_home: Path) -> None:
    for name in ("a", "b"):
        new = store.new(name)
        new.touch()
        assert new.parent == no_home / f"twocooks-{os.getuid()}"
        assert new.parent.stat().st_mode & 0o077 == 0
        new.rename(new := new.with_name(f"2026010{1 + (name == 'b')}-000000-000-x-1.2cooks"))
        assert store.last() == new


def test_the_newest_of_both_folders_is_the_last(
    no_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    among_temporary = store.new("a")
    among_temporary.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert store.last() == among_temporary
    later = store.new("b").with_name("99990101-000000-000-b-1.2cooks")
    later.touch()
    assert store.last() == later


@pytest.mark.parametrize("kind", ["link", "file", "open to all"])
def test_a_folder_that_others_may_change_is_not_used(
    kind: str, no_home: Path, tmp_path: Path
) -> None:
    taken = no_home / f"twocooks-{os.getuid()}"
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    if kind == "link":
        taken.symlink_to(theirs)
    elif kind == "file":
        taken.touch()
    else:
        taken.mkdir()
        taken.chmod(0o777)
    if kind != "file":
        (taken / "20260101-000000-000-x-1.2cooks").touch()
    new = store.new("a")
    assert new.parent not in (taken, theirs)
    assert new.parent.parent == no_home
    assert new.parent.stat().st_mode & 0o077 == 0
    assert store.last() is None, "what lies in it is not ours"
