"""Writing: everything or nothing, however many pieces there are."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer.files.pieces import FileRange, PieceBatch, joined, write_all
from anonymizer.files.writing import write_atomically


@pytest.mark.parametrize("sizes", [[], [0], [1] * 5000, [1 << 20] * 3, [0, 5, 0], [(1 << 20) + 1, 3]])
def test_all_pieces_arrive_in_order(tmp_path: Path, sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    write_atomically(([memoryview(piece)] for piece in pieces), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"".join(pieces)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("sizes", [[], [0], [1] * 5000, [1 << 20] * 3, [3, 1 << 16, 1 << 16, 5, 7], [40_000] * 100])
def test_short_chunks_are_joined_and_long_ones_are_not_copied(sizes: list[int]) -> None:
    chunks = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    found = list(joined(chunks))
    assert b"".join(found) == b"".join(chunks)
    assert [id(chunk) for chunk in found if len(chunk) in sizes and len(chunk) >= 1 << 16] == [
        id(chunk) for chunk in chunks if len(chunk) >= 1 << 16
    ]
    # what is joined stays below a megabyte and a chunk
    assert max(map(len, found), default=0) < (1 << 20) + 65_536 or max(sizes) >= 1 << 20
    views = [memoryview(bytearray(chunk)) for chunk in chunks]
    assert b"".join(joined(views)) == b"".join(chunks)


def test_a_system_call_that_takes_only_a_part_is_gone_on_with() -> None:
    reader, writer = os.pipe()
    content = [bytes([number]) * 50_000 for number in range(20)]
    received: list[bytes] = []

    def drain() -> None:
        while part := os.read(reader, 7000):
            received.append(part)

    thread = threading.Thread(target=drain)
    thread.start()
    os.set_blocking(writer, True)
    write_all(writer, list(content))
    os.close(writer)
    thread.join()
    os.close(reader)
    assert b"".join(received) == b"".join(content)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_on_the_way_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    def batches() -> Iterator[PieceBatch]:
        yield [b"half"]
        raise error

    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(error):
        write_atomically(batches(), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


# -- ranges of files ------------------------------------------------------------------------------------------------------


def copied(source: Path, target: Path, start: int, length: int, flags: int = 0) -> int:
    """How many bytes a range of ``source`` gave to ``target``, which gets them behind what it has."""
    read, write = os.open(source, os.O_RDONLY), os.open(target, os.O_WRONLY | os.O_CREAT | flags)
    try:
        os.lseek(read, start, os.SEEK_SET)
        os.lseek(write, 0, os.SEEK_END)
        found = FileRange(read, length)
        found.copy_to(write)
        # whoever reads the source on is behind the range
        assert os.lseek(read, 0, os.SEEK_CUR) == start + found.copied
        return found.copied
    finally:
        os.close(read)
        os.close(write)


CONTENT = bytes(range(256)) * 1000


@pytest.mark.parametrize("length", [1, 4096, 255_000])
# a file that is appended to takes no ranges: they are read and written
@pytest.mark.parametrize("flags", [0, os.O_APPEND])
def test_a_range_is_copied_from_where_the_file_is_read(tmp_path: Path, length: int, flags: int) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    (tmp_path / "target").write_bytes(b"before")
    assert copied(tmp_path / "source", tmp_path / "target", 1000, length, flags) == length
    assert (tmp_path / "target").read_bytes() == b"before" + CONTENT[1000 : 1000 + length]


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="needs a second file system")
def test_a_range_goes_to_another_file_system(tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as source:
        source.write(CONTENT)
        source.flush()
        assert copied(Path(source.name), tmp_path / "target", 10, 200_000) == 200_000
    assert (tmp_path / "target").read_bytes() == CONTENT[10:200_010]


def test_a_range_that_the_file_does_not_have_says_how_much_there_was(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    assert copied(tmp_path / "source", tmp_path / "target", 0, len(CONTENT) + 1) == len(CONTENT)


def test_a_disk_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    with pytest.raises(OSError, match="No space"):
        copied(tmp_path / "source", Path("/dev/full"), 0, len(CONTENT))
