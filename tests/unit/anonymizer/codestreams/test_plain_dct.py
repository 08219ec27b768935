"""DCT frames with nothing but what their samples are coded with: text goes wherever it hid, samples stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from anonymizer.codestreams import is_plain_dct, plain_dct, read_codestream
from tests.support.codestream_samples import reason_for, segment
from tests.support.frame_encoders import PREFIX, Coding, encode_frame
from tests.support.pixel_judge_dct import read_coefficients

BASELINE = PREFIX + "50"
TEXT = b"DOE^JANE"
JFIF, ADOBE = segment(0xE0, b"JFIF\0\1\2\1DOE!\1\1ink"), segment(0xEE, b"AdobeDOE^JA\1")
#: where text was found
HIDDEN = {
    "comment": segment(0xFE, TEXT),
    "Exif": segment(0xE1, b"Exif\0\0" + TEXT),
    "unused table": segment(0xDB, b"\3" + TEXT * 8),
    "tables that are replaced": segment(0xDB, b"\0" + TEXT * 8 + b"\1" + TEXT * 8),
    "JFIF": JFIF,
    "JFIF twice": JFIF + JFIF,
    "Adobe": ADOBE * 3,
}


def frame_of(sampling: str = "420", *, colour: str = "YBR", progressive: bool = False) -> bytes:
    random = np.random.default_rng(7)
    samples = random.integers(0, 256, (40, 56, 3 if colour else 1))
    return encode_frame(samples, Coding("50", colour=colour, sampling=sampling, progressive=progressive))


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("progressive", [False, True])
def test_text_goes_and_coefficients_stay(hidden: bytes, progressive: bool) -> None:
    original = frame_of(progressive=progressive)
    frame = original[:2] + hidden + original[2:] + TEXT
    plain = plain_dct(frame)
    assert b"DOE" not in plain and b"ink" not in plain
    assert read_codestream(plain, BASELINE) == read_codestream(frame, BASELINE)
    for one, other in zip(read_coefficients(original).coef_arrays, read_coefficients(plain).coef_arrays, strict=True):
        assert np.array_equal(one, other)
    assert plain_dct(plain) == plain


def test_a_comment_between_scans_goes_whatever_it_looks_like() -> None:
    """An earlier way to look for scans took the comment for one, and wrote into the scan behind it."""
    original = frame_of("444", progressive=True)
    at = original.rindex(b"\xff\xda")
    scan = b"\xff\xda\0\x40" + TEXT
    plain = plain_dct(original[:at] + segment(0xFE, scan) + original[at:])
    assert plain == plain_dct(original)


def test_scans_that_deny_coefficients_have_all() -> None:
    frame = frame_of(colour="")
    at = frame.index(b"\xff\xda")
    denying = frame[: at + 7] + b"\6\0\0" + frame[at + 10 :]
    assert plain_dct(denying) == plain_dct(frame)
    progressive = frame_of(colour="", progressive=True)
    scans = [at for at in range(len(progressive)) if progressive[at : at + 2] == b"\xff\xda"]
    kept = [progressive[at : at + 10] for at in scans]
    assert all(head in plain_dct(progressive) for head in kept)


def test_a_table_that_changes_behind_a_scan_is_refused() -> None:
    frame = frame_of()
    late = frame[:-2] + segment(0xDB, b"\0" + TEXT * 8) + frame[-2:]
    assert reason_for(late, BASELINE) == "pixel-unsupported-format"
    with pytest.raises(DeidentificationError, match="pixel-unsupported-format"):
        plain_dct(late)


def test_what_is_plain_is_told() -> None:
    plain = plain_dct(frame_of())
    end = plain[-2:]
    assert is_plain_dct(plain) and is_plain_dct(plain[:-2] + b"\xff" + end)
    table = b"\x13" + bytes(16)
    for other in (plain + TEXT, plain[:-2] + b"\xff\xff" + end, plain[:2] + HIDDEN["comment"] + plain[2:]):
        assert not is_plain_dct(other)
    at = plain.index(b"\xff\xda")
    assert not is_plain_dct(plain[:at] + segment(0xC4, table) + plain[at:])


@given(st.lists(st.tuples(st.sampled_from(sorted(HIDDEN)), st.integers(0, 3)), max_size=6))
def test_anything_hidden_in_any_order_gives_the_same(hidden: list[tuple[str, int]]) -> None:
    frame = frame_of(colour="")
    segments = b"".join(HIDDEN[name] * count for name, count in hidden)
    plain = plain_dct(frame[:2] + segments + frame[2:])
    assert b"DOE" not in plain
    without = plain_dct(frame)
    # the marks of colours alone may differ
    assert plain[plain.index(b"\xff\xdb") :] == without[without.index(b"\xff\xdb") :]
