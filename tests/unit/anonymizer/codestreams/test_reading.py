"""Headers of any codestream: of the files that pydicom ships, and of bytes that nobody should send."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.codestreams import (
    CODESTREAM_SYNTAXES,
    begins_codestream,
    is_dct_syntax,
    read_codestream,
)
from tests.support.codestream_samples import (
    BASELINE,
    HT,
    J2K,
    LS,
    dct,
    encoded,
    j2k,
    lossless,
    mutate,
    near,
    reason_for,
    scan,
    segment,
    shipped,
    tile_part,
)
from tests.support.running import budget

#: files in pydicom's collection whose frames are refused
REFUSED = {
    # a file of JPEG 2000 with boxes
    "GDCMJ2K_TextGBR.dcm": "pixel-unsupported-format",
    # the delimiter of a sequence was written over its capabilities
    "JPEG2000-embedded-sequence-delimiter.dcm": "pixel-unsupported-format",
}
#: ... and those whose codestreams have other precisions than BitsStored
OTHER_BITS = {"693_J2KI.dcm"}
LARGE = 16 << 20


def test_frames_of_shipped_files() -> None:
    seen = set()
    for name, syntax, data_set, frame in shipped():
        assert begins_codestream(frame, syntax)
        assert reason_for(frame, syntax) == REFUSED.get(name, "")
        if name not in REFUSED:
            found = read_codestream(frame, syntax)
            assert (found.rows, found.columns) == (data_set.Rows, data_set.Columns)
            assert found.components == data_set.SamplesPerPixel
            assert (found.bits == data_set.BitsStored) == (name not in OTHER_BITS)
            seen.add(syntax[len("1.2.840.10008.1.2.4.") :])
    assert seen >= {"50", "51", "70", "80", "81", "90", "91"}


def test_beginnings() -> None:
    for frame, syntax in encoded().values():
        assert begins_codestream(frame, syntax)
        assert begins_codestream(frame[:3], syntax)
        assert not begins_codestream(frame[1:], syntax)
        assert not begins_codestream(b"", syntax)
    assert not begins_codestream(dct(), J2K)
    assert not begins_codestream(j2k(), BASELINE)
    assert not begins_codestream(dct(), "1.2.840.10008.1.2.5")
    assert begins_codestream(b"\0\0\0\x0cjP  \r\n\x87\n", J2K)


def test_syntaxes_of_dct() -> None:
    assert [syntax.rpartition(".")[2] for syntax in CODESTREAM_SYNTAXES if is_dct_syntax(syntax)] == ["50", "51"]
    assert not is_dct_syntax("1.2.840.10008.1.2.5")


def test_syntaxes_without_codestreams() -> None:
    assert reason_for(dct(), "1.2.840.10008.1.2.5") == "pixel-unsupported-syntax"


def test_no_codec_is_imported() -> None:
    code = "import sys, anonymizer.codestreams; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"numpy", "imagecodecs", "jpegio", "jpeg_ls", "pydicom"} & set(done.stdout.split()) == set()


# -- hostile bytes ---------------------------------------------------------------------------------------------------------

SEEDS = [(dct(), BASELINE), (lossless(), BASELINE[:-2] + "70"), (near(), LS), (j2k(), J2K)]
EDITS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6)


def only_refused(frame: bytes, syntax: str) -> bool:
    """Read a frame; anything but a refusal is an error of this test. Return whether it was read."""
    begins_codestream(frame, syntax)
    reason = reason_for(frame, syntax)
    if reason:
        assert reason in ("pixel-invalid-frames", "pixel-unsupported-format")
        return False
    found = read_codestream(frame, syntax)
    assert found.rows > 0
    assert found.columns > 0
    assert found.components in (1, 3)
    assert len(found.sampling) == found.components
    assert 1 <= found.bits <= 32
    return True


@budget(1500)
@given(st.sampled_from(SEEDS + list(encoded().values())), EDITS, st.sampled_from([None, *CODESTREAM_SYNTAXES]))
def test_mutated_frames_are_read_or_refused(
    seed: tuple[bytes, str], edits: list[tuple[int, int, int]], syntax: str | None
) -> None:
    frame = mutate(seed[0], edits)
    began = time.perf_counter()
    only_refused(frame, syntax or seed[1])
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("name", ["dct", "lossless", "ls", "j2k", "ht"])
def test_no_truncated_frame_is_read(name: str) -> None:
    frame, syntax = encoded()[name]
    assert not any(only_refused(frame[:length], syntax) for length in range(len(frame)))


def grown(head: bytes, unit: bytes, tail: bytes) -> bytes:
    """16 MB of ``unit`` between a head and a tail."""
    return head + unit * ((LARGE - len(head) - len(tail)) // len(unit)) + tail


END = b"\xff\xd9"
RESTARTING = dct(segment(0xDD, b"\0\1"))[:-2]
#: a long frame -> whether it is read
BOMBS: dict[str, tuple[Callable[[], bytes], str, bool]] = {
    "zeros": (lambda: grown(dct()[:-2], b"\0", END), BASELINE, True),
    "stuffed bytes": (lambda: grown(dct()[:-2], b"\xff\0", END), BASELINE, True),
    "fill bytes": (lambda: grown(dct()[:-2], b"\xff", END), BASELINE, True),
    "fill bytes without end": (lambda: grown(dct()[:-2], b"\xff", b""), BASELINE, False),
    "restart markers": (lambda: grown(RESTARTING, b"\xff\xd0", END), BASELINE, True),
    "restart markers with fill bytes": (lambda: grown(RESTARTING, b"\xff\xff\xd0", END), BASELINE, False),
    "comments": (lambda: grown(dct()[:-2], segment(0xFE), END), BASELINE, False),
    "long comments": (lambda: grown(dct()[:-2], segment(0xFE, bytes(65000)), END), BASELINE, True),
    "tables of divisors": (lambda: grown(dct()[:-2], segment(0xDB, (b"\0" + b"\1" * 64) * 1000), END), BASELINE, False),
    "tables of codes": (lambda: grown(dct()[:-2], segment(0xC4, bytes(17) * 3800), END), BASELINE, False),
    "scans": (lambda: grown(dct()[:-2], scan(), END), BASELINE, False),
    "stuffed bits": (lambda: grown(near()[:-2], b"\xff\x7f", END), LS, True),
    "tile-parts": (lambda: grown(j2k()[:-2], tile_part(data=b""), END), J2K, False),
    "an open length": (lambda: grown(j2k(parts=tile_part(length=0))[:-2], b"\xff\x90"[:1], END), J2K, True),
    "segments of J2K": (lambda: grown(b"\xff\x4f" + j2k()[2:45], segment(0x64), END), J2K, False),
    "noughts": (lambda: bytes(LARGE), HT, False),
}


@pytest.mark.parametrize("name", BOMBS)
def test_long_frames_take_little_time_and_no_memory(name: str) -> None:
    make, syntax, expected = BOMBS[name]
    frame = make()
    began = time.process_time()
    assert only_refused(frame, syntax) == expected
    # a quarter of a second at most; all are linear in the length
    assert time.process_time() - began < 2
    tracemalloc.start()
    assert (reason_for(frame, syntax) == "") == expected
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
