"""Writing: everything or nothing, however many pieces there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer.files import Batch, batches, write_all, write_atomically


@pytest.mark.parametrize("sizes", [[], [0], [1] * 5000, [1 << 20] * 3, [0, 5, 0], [(1 << 20) + 1, 3]])
def test_all_pieces_arrive_in_order(tmp_path: Path, sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    write_atomically(([memoryview(piece)] for piece in pieces), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"".join(pieces)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_batch_is_never_more_than_one_system_call_takes() -> None:
    found = list(batches([b"x"] * 10_000))
    assert sum(map(len, found)) == 10_000 and max(map(len, found)) <= 1024


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
    def batches() -> Iterator[Batch]:
        yield [b"half"]
        raise error

    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(error):
        write_atomically(batches(), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
