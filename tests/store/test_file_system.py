"""A journal on a network file system is refused before anything is made there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapeline.domain.errors import StorageError
from tapeline.store import file_system
from tapeline.store.file_system import network_kind
from tapeline.store.sqlite_journal import SqliteJournal


def mounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *mounted: tuple[str, str]) -> None:
    """Let Linux tell of these mounts: where, and of which kind."""
    table = tmp_path / "mountinfo"
    lines = [
        f"{number} 1 0:{number} / {place} rw,relatime shared:{number} - {kind} source rw"
        for number, (place, kind) in enumerate([("/", "ext4"), *mounted], 27)
    ]
    table.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(file_system, "MOUNTS", table)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_journal_over_a_network_is_refused_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "over there"
    folder.mkdir()
    mounts(monkeypatch, tmp_path, (str(folder).replace(" ", r"\040"), kind))

    with pytest.raises(StorageError, match=rf"lies on a network file system \({kind}\).*disk of this computer"):
        SqliteJournal.writing(folder / "run.journal")

    assert list(folder.iterdir()) == []


def test_a_link_is_followed_to_where_the_file_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "there")
    mounts(monkeypatch, tmp_path, (str(tmp_path / "there"), "nfs"))

    assert network_kind(tmp_path / "here" / "run.journal") == "nfs"
    assert network_kind(tmp_path / "run.journal") is None


def test_the_innermost_and_the_latest_mount_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    mounts(
        monkeypatch,
        tmp_path,
        (str(inner), "tmpfs"),
        (str(outer), "nfs"),
        (str(tmp_path), "cifs"),
        (str(tmp_path), "xfs"),
    )

    kinds = [network_kind(place / "run.journal") for place in (tmp_path, outer, inner, tmp_path / "outermost")]

    assert kinds == [None, "nfs", None, None]


def test_where_nothing_tells_a_journal_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "no such file")
    with SqliteJournal.writing(tmp_path / "run.journal"):
        assert (tmp_path / "run.journal").is_file()
