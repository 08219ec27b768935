"""New files that hold identifiers: whole or not there, for their owner alone, never in the place of another."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from storage.private_file import create_private


def test_a_file_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert create_private(str(tmp_path / "new"), lambda stream: stream.write(b"names")) == 5
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert (tmp_path / "new").read_bytes() == b"names"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def half(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        create_private(str(tmp_path / "new"), half)
    assert list(tmp_path.iterdir()) == []


def test_what_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "new"

    def late(stream: BinaryIO) -> None:
        stream.write(b"mine")
        path.write_bytes(b"theirs")

    for expected in (b"theirs", b"theirs"):
        with pytest.raises(FileExistsError):
            create_private(str(path), late)
        assert path.read_bytes() == expected
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create_private(str(tmp_path / "new"), lambda stream: stream.write(b"names"))
    assert not (tmp_path / "elsewhere").exists()
