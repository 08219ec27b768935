"""An object gives the same bytes, and a broken one the same reason, however little of it is read at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from anonymizer import Anonymizer, DeidentificationError, Reason
from anonymizer.internals import Engine, KeyedUids, UidMapping, write_atomically
from tests.support.objects import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    UNDEFINED,
    Element,
    bundled_files,
    ct,
    delimiter,
    encode,
    header,
    nested,
    part10,
)
from tests.support.running import SECRET, engine, outcome, reason, rewrite

Shrink = Callable[[int, int], None]

#: (first read, later ones): below some 500 bytes the first read ends inside the file meta
SIZES = [(512, 64), (700, 33), (1024, 1000), (1999, 16), (4096, 4096), (8192, 100_000)]


@pytest.fixture
def shrink(monkeypatch: pytest.MonkeyPatch) -> Shrink:
    """Makes the engine read in small pieces."""

    def set_sizes(head: int, chunk: int) -> None:
        monkeypatch.setattr("anonymizer.rewriting.object_rewriter._HEAD", head)
        monkeypatch.setattr("anonymizer.rewriting.object_rewriter._LONG_HEAD", head)
        monkeypatch.setattr("anonymizer.dicom.object_reader._CHUNK", chunk)

    return set_sizes


class Trickle:
    """A stream that gives a few bytes at a time, as a network may."""

    def __init__(self, content: bytes, step: int) -> None:
        self._stream = BytesIO(content)
        self._step = step

    def read(self, size: int, /) -> bytes:
        """At most ``step`` bytes."""
        return self._stream.read(min(size, self._step))


class Recording:
    """Hands new UIDs on, and remembers which were asked for."""

    def __init__(self, uids: UidMapping) -> None:
        self._uids = uids
        self.asked: set[bytes] = set()

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """As the mapping below says."""
        self.asked.add(uid)
        return self._uids.new_uid(uid, tag)


def synthetic() -> dict[str, bytes]:
    """Objects with large values of every kind, by name."""
    long_text = Element(0x00104000, "LT", "comment " * 300)
    kept = Element(0x00281201, "OW", bytes(range(256)) * 9)
    private = [
        Element(0x00091001, "OB", b"private " * 400),
        Element(0x00291001, "SQ", [[Element(0x00100010, "PN", "A" * 50)] * 60]),
    ]
    references = Element(0x00081115, "SQ", [[Element(0x00081155, "UI", f"1.2.3.{number}")] for number in range(90)])
    delimited = Element(0x00081115, "SQ", [[Element(0x00081155, "UI", f"1.2.3.{number}")] for number in range(90)], True, True)
    overlay = [Element(0x60000102, "US", 0), Element(0x60003000, "OW", b"overlay " * 300)]
    pixels = Element(0x7FE00010, "OW", bytes(range(256)) * 20)
    trailing = Element(0xFFFCFFFC, "OB", bytes(3000))
    elements = {
        "values": ct(long_text, kept, *private, references, *overlay, pixels, trailing),
        "delimited": ct(delimited, nested(20, Element(0x00104000, "LT", "x" * 2000)), kept, pixels),
        "removed": ct(nested(3, long_text, 0x00400275), nested(3, long_text, 0x00091001, undefined=False), pixels),
        "dummy tree": ct(Element(0x0040A730, "SQ", [[Element(0x0040A160, "UT", "text" * 500)]] * 3)),
        "stamped": ct(Element(0x00120063, "LO", "\\".join(["method " * 8] * 40)), Element(0x00081115, "SQ", [[long_text]] * 2)),
    }
    blobs = {f"{name} {syntax}": part10(ds, uid) for name, ds in elements.items() for syntax, uid in SYNTAXES.items()}
    for count, size in ((1, 3000), (40, 10), (200, 24), (30, 333), (3, 0)):
        parts = b"".join(delimiter(0xE000, length=size) + b"F" * size for _ in range(count))
        encapsulated = header(0x7FE00010, "OB", UNDEFINED, EXPLICIT) + parts + delimiter(0xE0DD)
        blobs[f"{count} fragments of {size}"] = part10(encode(ct(without=[0x7FE00010])) + encapsulated, JPEG, tail=b"TAIL" * 99)
    whole = blobs["values explicit"]
    for cut in (len(whole) - 1, len(whole) - 4000, len(whole) - 9000, 1500, 600):
        blobs[f"cut at {cut}"] = whole[:cut]
    blobs["tail"] = part10(ct(pixels), tail=b"JUNK" * 2000)
    blobs["sequence where a value belongs"] = part10(
        ct(Element(0x00080008, "SQ", [[Element(0x00100010, "PN", "HIDDEN" * 9)] * 50]))
    )
    blobs["sequence where a later value belongs"] = part10(
        ct(Element(0x00281050, "SQ", [[Element(0x00100010, "PN", "HIDDEN" * 9)] * 150]))
    )
    return blobs


SYNTHETIC = synthetic()
FILES = [path for path in bundled_files() if path.stat().st_size < 50_000]


def compare(blobs: dict[str, bytes], shrink: Shrink, head: int, chunk: int) -> list[str]:
    """The names of the blobs whose outcome changes with the size of reads."""
    using = engine(pixels="keep")
    expected = {name: outcome(blob, using) for name, blob in blobs.items()}
    shrink(head, chunk)
    return [name for name, blob in blobs.items() if outcome(blob, using) != expected[name]]


@pytest.mark.parametrize(("head", "chunk"), SIZES)
def test_generated_objects_stream_as_they_pass_in_memory(shrink: Shrink, head: int, chunk: int) -> None:
    assert compare(SYNTHETIC, shrink, head, chunk) == []


@pytest.mark.parametrize(("head", "chunk"), SIZES)
def test_real_files_stream_as_they_pass_in_memory(shrink: Shrink, head: int, chunk: int) -> None:
    assert compare({path.name: path.read_bytes() for path in FILES}, shrink, head, chunk) == []


@pytest.mark.parametrize("name", ["values implicit", "delimited explicit", "removed big endian", "40 fragments of 10"])
def test_it_does_not_matter_where_the_first_read_ends(shrink: Shrink, name: str) -> None:
    blob = SYNTHETIC[name]
    expected = outcome(blob)
    different = []
    for head in range(430, 1600, 3):
        shrink(head, 32)
        if outcome(blob) != expected:
            different.append(head)
    assert different == []


def test_small_fragments_are_passed_on_wherever_a_read_ends(shrink: Shrink) -> None:
    """A buffer that ends within an item header of encapsulated pixel data once lost the fragments before it."""
    blob = SYNTHETIC["200 fragments of 24"]
    expected = rewrite(blob)
    lost = []
    for head in range(600, 700):
        shrink(head, 256)
        if outcome(blob) != expected:
            lost.append(head)
    assert lost == []


def test_a_first_read_that_ends_before_the_uids_is_extended(shrink: Shrink) -> None:
    blob = part10(ct(Element(0x00080008, "CS", "\\".join(["ORIGINAL"] * 90))))
    expected = rewrite(blob)
    for head in (400, 480, 600, 700):
        shrink(head, 64)
        assert outcome(blob) == expected


def test_a_large_sequence_in_place_of_a_kept_value_never_streams_through(shrink: Shrink) -> None:
    blob = part10(ct(Element(0x00281050, "SQ", [[Element(0x00100010, "PN", "HIDDEN^NAME")]] * 100)))
    assert reason(blob) == "vr-mismatch"
    shrink(700, 64)
    assert reason(blob) == "vr-mismatch"


@pytest.mark.parametrize("step", [1, 7, 100])
@pytest.mark.parametrize("name", ["CT_small.dcm", "image_dfl.dcm", "JPEG2000.dcm", "rtplan.dcm", "MR_small_bigendian.dcm"])
def test_a_stream_may_give_fewer_bytes_than_asked_for(shrink: Shrink, name: str, step: int) -> None:
    blob = Path(str(get_testdata_file(name))).read_bytes()
    # some are pictures of nobody knows what
    expected = rewrite(blob, engine(pixels="keep"))
    shrink(2000, 500)
    assert b"".join(engine(pixels="keep").deidentify(Trickle(blob, step)).chunks()) == expected


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_a_file_that_the_system_copies_is_the_same(
    shrink: Shrink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """``anonymize_file`` reads next to nothing but the header; the rest passes as ranges."""
    blob = SYNTHETIC[name]
    expected = outcome(blob)
    (tmp_path / "in").write_bytes(blob)
    for head, chunk in SIZES[:3]:
        shrink(head, chunk)
        monkeypatch.setattr("anonymizer.dicom.object_reader._RANGE", 20)
        try:
            Anonymizer(key=SECRET).anonymize_file(tmp_path / "in", tmp_path / "out")
            found: bytes | str = (tmp_path / "out").read_bytes()
        except DeidentificationError as error:
            found = error.reason.value
        assert found == expected
        (tmp_path / "out").unlink(missing_ok=True)
        assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_of_a_file_nothing_is_read_but_its_header(tmp_path: Path) -> None:
    size = 8 << 20
    (tmp_path / "in").write_bytes(part10(ct(Element(0x7FE00010, "OW", bytes(size)))))
    with open(tmp_path / "in", "rb", buffering=0) as stream:
        run = engine().deidentify(stream, handle=stream.fileno())
        write_atomically(run.batches(), str(tmp_path / "out"))
        assert run.bytes_read < 1 << 17
    assert (tmp_path / "out").stat().st_size > size


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_pixel_data_is_never_held_as_a_whole(syntax: str) -> None:
    size = 64 << 20
    blob = part10(ct(Element(0x7FE00010, "OW", bytes(size))), syntax)
    stream = BytesIO(blob)
    using = engine()
    tracemalloc.start()
    try:
        written = sum(len(chunk) for chunk in using.deidentify(stream).chunks())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert syntax == DEFLATED or written > size


# -- scan -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["values explicit", "removed deflated", "40 fragments of 10", "cut at 1500", "tail"])
def test_a_wrong_hint_at_the_size_changes_nothing(name: str) -> None:
    blob = SYNTHETIC[name]
    expected = outcome(blob)
    for hint in (300, 1000, len(blob) - 1, len(blob), len(blob) + 1, 2 * len(blob)):
        try:
            found: bytes | str = b"".join(engine().deidentify(BytesIO(blob), size=hint).chunks())
        except DeidentificationError as error:
            found = error.reason.value
        assert found == expected, hint


def asked_in_scan(using: Engine, blob: bytes) -> set[bytes] | str:
    """The UIDs that a header scan hands over, or the reason for which it ends."""
    uids = Recording(using.uids)
    try:
        using.scan(BytesIO(blob), uids=uids)
    except DeidentificationError as error:
        return str(error.reason.value)
    return uids.asked


def asked_in_run(using: Engine, blob: bytes) -> set[bytes] | str:
    """The UIDs that de-identification asks for, or the reason for which it ends."""
    uids = Recording(using.uids)
    try:
        b"".join(using.deidentify(BytesIO(blob), uids=uids).chunks())
    except DeidentificationError as error:
        return str(error.reason.value)
    return uids.asked


@pytest.mark.parametrize("head", [512, 1500, 1 << 16])
@pytest.mark.parametrize(("options", "pixels"), [("", "keep"), ("RetainUIDs", "keep"), ("", "quarantine")])
def test_a_scan_hands_over_exactly_the_uids_that_are_replaced(shrink: Shrink, head: int, options: str, pixels: str) -> None:
    shrink(head, 100)
    using = engine(options, pixels=pixels)
    different = []
    for name, blob in (*SYNTHETIC.items(), *((path.name, path.read_bytes()) for path in FILES)):
        in_scan, in_run = asked_in_scan(using, blob), asked_in_run(using, blob)
        # a scan doesn't see what is wrong with the pixel data
        if in_scan != in_run and not (isinstance(in_run, str) and isinstance(in_scan, set)):
            different.append(name)
    assert different == []


def test_a_scan_tells_the_class_and_the_top_level_uids() -> None:
    using = engine()
    scan = using.scan(BytesIO(part10(ct())), uids=using.uids)
    assert scan.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert {tag: original for tag, (original, _) in scan.uids.items()} == {
        0x00080016: b"1.2.840.10008.5.1.4.1.1.2",
        0x00080018: b"1.2.826.0.1.999.1.1",
        0x0020000D: b"1.2.826.0.1.999.1.2",
        0x0020000E: b"1.2.826.0.1.999.1.3",
    }
    assert all(
        new == KeyedUids.new_uid(using.uids, original, 0) for tag, (original, new) in scan.uids.items() if tag != 0x00080016
    )


def test_a_scan_reads_the_header_and_not_the_pixels() -> None:
    blob = part10(ct(Element(0x7FE00010, "OW", bytes(8 << 20))))
    using = engine()
    assert using.scan(BytesIO(blob), uids=using.uids).bytes_read <= 1 << 17


def test_a_mapping_that_lacks_a_uid_stops_the_object() -> None:
    class Empty:
        """A slice of the map that holds nothing."""

        def new_uid(self, uid: bytes, tag: int) -> bytes:
            """Never there."""
            raise DeidentificationError(Reason.UID_NOT_IN_MAP, tag)

    with pytest.raises(DeidentificationError, match="uid-not-in-map"):
        b"".join(engine().deidentify(BytesIO(part10(ct())), uids=Empty()).chunks())
