"""--conflicts keep-one: of different contents of one object, the least compressed is written; what is written stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_killed_workers import at_work, finished_again
from tests.job.test_resume import Finished, Night
from tests.server.test_restart import kill_all
from tests.support.objects import EXPLICIT, IMPLICIT, MR, UNDEFINED, Element, ct, delimiter, encode, header, part10, read
from tests.support.runs import audit_of, deidentify

_KEEP = "--conflicts=keep-one"
_TWO = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
RLE, LOSSLESS, LOSSY = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50"
_SAYS_LOSSY = Element(0x00282110, "CS", "01")
INSTANCE = "1.2.3.1.1"


def content(*extra: Element, instance: str = INSTANCE, syntax: str = EXPLICIT, pixels: int = 600, sop_class: str = "") -> bytes:
    """A CT in an encoding; what its pixels are is nobody's business here."""
    own = [Element(0x00080018, "UI", instance), *([Element(0x00080016, "UI", sop_class)] if sop_class else [])]
    if syntax in (IMPLICIT, EXPLICIT):
        return part10(ct(*own, *extra, Element(0x7FE00010, "OW", bytes(pixels))), syntax)
    parts = b"".join(delimiter(0xE000, length=len(part)) + part for part in (b"", b"\1" * pixels))
    encapsulated = header(0x7FE00010, "OB", UNDEFINED, syntax) + parts + delimiter(0xE0DD)
    return part10(encode(ct(*own, *extra, without=[0x7FE00010]), syntax) + encapsulated, syntax)


def encodings(instance: str = INSTANCE) -> dict[str, bytes]:
    """An image in several encodings, best first. Of the two uncompressed ones, the explicit one is larger."""
    return {
        "SECRETNAME-explicit": content(instance=instance),
        "SECRETNAME-implicit": content(instance=instance, syntax=IMPLICIT),
        "SECRETNAME-rle": content(instance=instance, syntax=RLE),
        "SECRETNAME-lossless": content(instance=instance, syntax=LOSSLESS, pixels=500),
        "SECRETNAME-lossy": content(instance=instance, syntax=LOSSY, pixels=2000),
        # uncompressed, and was a lossy one
        "SECRETNAME-restored": content(_SAYS_LOSSY, instance=instance, pixels=800),
    }


ENCODINGS = encodings()


class Nights(Night):
    def put_all(self, *contents: tuple[str, bytes]) -> None:
        for name, found in contents:
            (self.archive / name).write_bytes(found)

    def keep(self, *flags: str, resume: bool = False) -> Finished:
        return self.run(_KEEP, *flags, resume=resume)

    def ends(self, run: Finished) -> dict[str, tuple[str, str | None]]:
        return {name: (row["status"], row["reason"]) for name, row in self.rows(run).items()}


@pytest.fixture
def night(tmp_path: Path, key_file: Path) -> Nights:
    return Nights(tmp_path, key_file)


WRITTEN, SKIPPED = ("written", None), ("skipped", None)
KEPT, EQUAL = ("duplicate", "other-content-kept"), ("duplicate", "duplicate-instance")
CONFLICT, TAKEN = ("quarantined", "sop-instance-conflict"), ("quarantined", "output-conflict")


def output_of(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["output_name"], row["size"], row["crc32c"]


@pytest.mark.parametrize("flags", [(), _TWO], ids=["one", "two"])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_least_compressed_is_written(night: Nights, flags: tuple[str, ...], is_reversed: bool) -> None:
    names = sorted(ENCODINGS, reverse=is_reversed)
    called = dict(zip(sorted(ENCODINGS), names, strict=True))
    night.put_all(*((called[name], found) for name, found in ENCODINGS.items()))
    night.put_all(("equal", ENCODINGS["SECRETNAME-explicit"]), ("same", ENCODINGS["SECRETNAME-lossy"]))
    night.put("SECRETNAME-lonely", "1.2.3.1.2")
    run = night.keep(*flags)
    ends = night.ends(run)
    best = [called["SECRETNAME-explicit"], "equal"]
    assert sorted(ends.pop(name) for name in best) == [EQUAL, WRITTEN]
    assert ends.pop("SECRETNAME-lonely") == WRITTEN
    assert set(ends.values()) == {KEPT} and len(ends) == 6
    assert run.code == 0 and len(run.objects()) == 2
    rows = night.rows(run)
    (kept,) = (rows[name] for name in best if rows[name]["status"] == "written")
    assert {output_of(rows[name]) for name in ends} == {output_of(kept)}
    assert read(run.objects()[kept["output_name"]]).file_meta.TransferSyntaxUID == EXPLICIT
    assert run.report["settings"]["conflicts"] == "keep-one"


def test_each_is_next_to_the_one_before(night: Nights) -> None:
    for first in range(1, len(ENCODINGS)):
        left = list(encodings(f"1.2.3.1.{first}").items())[first:]
        night.put_all(*((f"{name}-{first}", found) for name, found in left))
    expected = {f"{name}-{first}" for first, name in enumerate(ENCODINGS) if first}
    ends = night.ends(night.keep())
    assert {name for name, end in ends.items() if end == WRITTEN} == expected
    assert {end for name, end in ends.items() if name not in expected} == {KEPT}


def test_by_default_none_is_written(night: Nights) -> None:
    night.put_all(*ENCODINGS.items())
    run = night.run(resume=False)
    assert set(night.ends(run).values()) == {CONFLICT} and run.code == 3
    # who asks for one later gets it
    again = night.keep(resume=True)
    assert night.ends(again)["SECRETNAME-explicit"] == WRITTEN and again.code == 0


def others(instance: str) -> dict[str, bytes]:
    """Objects that have an instance's UID, and aren't of one object with it."""
    differing = {
        "patient": Element(0x00100020, "LO", "MRN-4712"),
        "issuer": Element(0x00100021, "LO", "another ward"),
        "nobody": Element(0x00100020, "LO", ""),
        "series": Element(0x0020000E, "UI", "1.2.3.77"),
        "class": Element(0x00080016, "UI", MR),
        "study": Element(0x0020000D, "UI", "1.2.3.78"),
    }
    # outputs without any difference are equal, whoever they are of
    return {kind: content(element, instance=instance, pixels=700) for kind, element in differing.items()}


@pytest.mark.parametrize("flags", [(), ("--patient-id=CASE",)], ids=["pseudonyms", "one name for all"])
@pytest.mark.parametrize("is_later", [False, True])
def test_what_is_not_of_one_object_is_refused(night: Nights, is_later: bool, flags: tuple[str, ...]) -> None:
    kinds = list(others(""))
    night.put_all(*((f"SECRETNAME-{kind}", content(instance=f"1.2.3.1.{place}")) for place, kind in enumerate(kinds)))
    first = night.keep(*flags) if is_later else None
    night.put_all(*((kind, others(f"1.2.3.1.{place}")[kind]) for place, kind in enumerate(kinds)))
    run = night.keep(*flags, resume=is_later)
    ends = night.ends(run)
    assert run.code == 3 and {ends[kind] for kind in kinds} <= {CONFLICT, TAKEN}
    assert {ends[f"SECRETNAME-{kind}"] for kind in kinds} == {SKIPPED if is_later else CONFLICT}
    assert run.objects() == (first.objects() if first else {})


def test_objects_without_a_patient_agree_by_their_study(night: Nights) -> None:
    nobody = Element(0x00100020, "LO", "")
    night.put_all(("SECRETNAME-0", content(nobody)), ("SECRETNAME-1", content(nobody, syntax=RLE)))
    assert list(night.ends(night.keep()).values()).count(KEPT) == 1
    night.put_all(("SECRETNAME-2", content(nobody, pixels=5000)))
    assert night.ends(night.keep(resume=True)) == {"SECRETNAME-0": SKIPPED, "SECRETNAME-1": KEPT, "SECRETNAME-2": KEPT}


@pytest.mark.parametrize("flags", [(), _TWO], ids=["one", "two"])
def test_across_nights_the_written_one_stays(night: Nights, flags: tuple[str, ...]) -> None:
    night.put_all(("SECRETNAME-lossy", ENCODINGS["SECRETNAME-lossy"]))
    first = night.keep(*flags, resume=True)
    more = {**ENCODINGS, "same": ENCODINGS["SECRETNAME-lossy"]}
    night.put_all(*((name, found) for name, found in more.items() if name != "SECRETNAME-lossy"))
    second = night.keep(*flags, resume=True)
    expected = dict.fromkeys(ENCODINGS, KEPT) | {"SECRETNAME-lossy": SKIPPED, "same": EQUAL}
    assert night.ends(second) == expected and second.code == 0
    assert second.objects() == first.objects()
    kept = night.rows(first)["SECRETNAME-lossy"]
    assert output_of(night.rows(second)["SECRETNAME-rle"]) == output_of(kept)
    # they last: nobody reads them again
    for name in ENCODINGS:
        night.spoil(name)
    assert night.ends(night.keep(*flags, resume=True)) == expected
    # the written one stays, too, where it is looked at again beside the others
    night.put_all(*ENCODINGS.items())
    touched = night.keep(*flags, resume=True)
    assert night.ends(touched) == {**expected, "SECRETNAME-lossy": WRITTEN} and touched.objects() == first.objects()
    # until what was kept is gone
    night.put_all(*ENCODINGS.items())
    (night.output / kept["output_name"]).unlink()
    last = night.keep(*flags, resume=False)
    assert night.ends(last)["SECRETNAME-explicit"] == WRITTEN and len(last.objects()) == 1


def test_without_resume_the_written_one_stays_too(night: Nights) -> None:
    night.put_all(("SECRETNAME-rle", ENCODINGS["SECRETNAME-rle"]), ("SECRETNAME-lossy", ENCODINGS["SECRETNAME-lossy"]))
    first = night.keep()
    night.put_all(("SECRETNAME-explicit", ENCODINGS["SECRETNAME-explicit"]))
    second = night.keep()
    assert night.ends(second) == {"SECRETNAME-explicit": KEPT, "SECRETNAME-rle": WRITTEN, "SECRETNAME-lossy": KEPT}
    assert second.objects() == first.objects() and second.code == 0


@pytest.mark.parametrize("flags", [(), ("--replace-changed",)])
def test_what_changed_itself_is_for_another_option(night: Nights, flags: tuple[str, ...]) -> None:
    night.put_all(("SECRETNAME-0", content(pixels=900)), ("SECRETNAME-1", content(syntax=RLE)))
    first = night.keep(resume=True)
    assert night.ends(first) == {"SECRETNAME-0": WRITTEN, "SECRETNAME-1": KEPT}
    night.put_all(("SECRETNAME-0", content(syntax=LOSSY)), ("SECRETNAME-2", content(pixels=5000)))
    second = night.keep(*flags, resume=True)
    ends = night.ends(second)
    if flags:
        assert ends["SECRETNAME-0"] == WRITTEN and night.rows(second)["SECRETNAME-0"]["notes"] == ["output-replaced"]
        assert ends["SECRETNAME-2"] == KEPT and second.code == 0
        assert output_of(night.rows(second)["SECRETNAME-2"]) == output_of(night.rows(second)["SECRETNAME-0"])
    else:
        assert ends["SECRETNAME-0"] == TAKEN and second.objects() == first.objects()


def test_what_can_not_be_written_is_no_choice(night: Nights) -> None:
    night.put_all(
        ("SECRETNAME-best", content(pixels=9000)[:-100]),
        ("SECRETNAME-burned", content(Element(0x00280301, "CS", "YES"), pixels=9000)),
        ("SECRETNAME-rle", content(syntax=RLE)),
        ("SECRETNAME-lossy", content(syntax=LOSSY)),
    )
    first = night.keep(resume=True)
    ends = night.ends(first)
    assert [ends[f"SECRETNAME-{name}"] for name in ("rle", "lossy")] == [WRITTEN, KEPT]
    assert {ends[f"SECRETNAME-{name}"][0] for name in ("best", "burned")} == {"quarantined"}
    # what was refused isn't taken for written
    night.put_all(("another", content(instance="1.2.3.1.7")[:-100]))
    night.keep(resume=True)
    night.put_all(("whole", content(instance="1.2.3.1.7")))
    last = night.keep(resume=True)
    assert night.ends(last)["whole"] == WRITTEN and len(last.objects()) == 2


@pytest.mark.parametrize("flags", [(), (_KEEP,)], ids=["quarantine", "keep-one"])
def test_one_instance_has_no_second_output_in_another_series(night: Nights, flags: tuple[str, ...]) -> None:
    night.put_all(("SECRETNAME-0", content()))
    first = night.run(*flags)
    night.put_all(("moved", content(Element(0x0020000E, "UI", "1.2.3.77"))), ("copy", content()))
    second = night.run(*flags)
    assert night.ends(second) == {"SECRETNAME-0": SKIPPED, "moved": CONFLICT, "copy": EQUAL} or not flags
    assert night.ends(second)["moved"] == CONFLICT and second.objects() == first.objects()


@pytest.mark.parametrize("left", ["whole", "torn"])
def test_a_run_that_was_killed_before_it_said_so_ends_like_an_undisturbed_one(night: Nights, left: str) -> None:
    night.put_all(*ENCODINGS.items())
    undisturbed = night.keep()
    expected = night.rows(undisturbed)
    for path in audit_of(night.output).iterdir():
        if path.name != "output.json":
            path.unlink()
    (name,) = undisturbed.objects()
    if left == "torn":
        (night.output / name).write_bytes(b"")
    again = night.keep()
    assert again.objects() == undisturbed.objects()
    found = night.rows(again)
    assert {row.pop("since") for row in found.values()} == {again.report["run_id"]}
    assert found == {name: {**row} for name, row in expected.items() if row.pop("since")}


@pytest.mark.parametrize("flags", [(), _TWO], ids=["one", "two"])
def test_a_killed_run_that_goes_on_ends_like_an_undisturbed_one(night: Nights, key_file: Path, flags: tuple[str, ...]) -> None:
    for number in range(150):
        night.put_all(*((f"{name}-{number}", found) for name, found in encodings(f"1.2.3.1.{number}").items()))
    folder = night.output.parent
    undisturbed = deidentify(night.archive, folder / "undisturbed", key_file, _KEEP, *flags)
    assert undisturbed.report["counts"]["duplicate"] == 150 * (len(ENCODINGS) - 1)
    with at_work(night.archive, folder, key_file, _KEEP, *flags) as run:
        run.wait_for("finished", 300)
        kill_all(run)
    assert finished_again(run, night.archive, key_file, undisturbed, _KEEP, *flags)
