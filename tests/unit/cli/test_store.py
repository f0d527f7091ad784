"""The folder of traces."""

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
