"""Objects that lack UIDs: the instance's may stand in the file meta, those of study and series are made from what is there."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer
from anonymizer.internals import Scan
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.objects import INSTANCE, SERIES, STUDY, SYNTAXES, Element, ct, nested, part10, read, tags
from tests.support.running import engine, outcome, reason, rewrite, rewrite_with_report

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
each_absence = pytest.mark.parametrize("empty", [None, b"", b"\0\0", b"  "])
SOP_INSTANCE, STUDY_UID, SERIES_UID = 0x00080018, 0x0020000D, 0x0020000E
LONG = Element(0x7FE00010, "OW", bytes(300_000))


def lacking(*lacks: int, empty: bytes | None = None, syntax: str = SYNTAXES["explicit"], instance: str = INSTANCE) -> bytes:
    """A file without the UIDs ``lacks``, or with ``empty`` in their place."""
    holder = nested(1, Element(SOP_INSTANCE, "UI", ""))
    elements = [*ct(holder, without=lacks)]
    if empty is not None:
        elements += [Element(tag, "UI", empty) for tag in lacks]
    return part10(sorted(elements, key=lambda element: element.tag), syntax, instance=instance)


@each_encoding
@each_absence
def test_the_instance_is_known_by_the_file_meta(syntax: str, empty: bytes | None) -> None:
    whole = read(rewrite(part10(ct(), syntax)))
    output, report = rewrite_with_report(lacking(SOP_INSTANCE, empty=empty, syntax=syntax))
    new = read(output)
    assert new.SOPInstanceUID == whole.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID == report.sop_instance_uid
    assert [str(note) for note in report.notes] == ["uid-from-file-meta"]
    assert tags(new) == sorted(tags(new)) and tags(new).count(SOP_INSTANCE) == 1
    assert reason(lacking(SOP_INSTANCE, empty=empty, syntax=syntax, instance="")) == "missing-sop-instance-uid"


@each_encoding
@each_absence
@pytest.mark.parametrize("lacks", [(STUDY_UID,), (SERIES_UID,), (STUDY_UID, SERIES_UID), (SOP_INSTANCE, STUDY_UID, SERIES_UID)])
def test_study_and_series_are_made_from_what_is_there(syntax: str, empty: bytes | None, lacks: tuple[int, ...]) -> None:
    blob = lacking(*lacks, empty=empty, syntax=syntax)
    output, report = rewrite_with_report(blob)
    new = read(output)
    found = [new.SOPInstanceUID, new.StudyInstanceUID, new.SeriesInstanceUID]
    assert len(set(found)) == 3 and all(uid.startswith("2.25.") for uid in found)
    assert report.study_instance_uid == new.StudyInstanceUID and report.series_instance_uid == new.SeriesInstanceUID
    assert "missing-uid-added" in map(str, report.notes)
    assert tags(new) == sorted(set(tags(new)))
    assert rewrite(blob) == output, "the same again"


def test_a_series_keeps_together_and_others_stay_apart() -> None:
    def study_of(instance: str, series: str) -> str:
        own = [Element(SOP_INSTANCE, "UI", instance), Element(SERIES_UID, "UI", series)]
        return str(read(rewrite(part10(ct(*own, without=[STUDY_UID])))).StudyInstanceUID)

    assert study_of("1.2.3", "1.9") == study_of("1.2.4", "1.9") != study_of("1.2.3", "1.8")


@pytest.mark.parametrize("options", ["RetainUIDs", "CleanDesc", "RetainLongModifDates"])
def test_it_is_so_under_each_option(options: str) -> None:
    new = read(rewrite(lacking(SOP_INSTANCE, STUDY_UID), engine(options)))
    assert (new.SOPInstanceUID == INSTANCE) == (options == "RetainUIDs")
    assert new.StudyInstanceUID.startswith("2.25.") and (new.SeriesInstanceUID == SERIES) == (options == "RetainUIDs")
    assert outcome(lacking(SOP_INSTANCE, instance="../etc"), engine("RetainUIDs")) == "invalid-uid"


def test_a_class_without_studies_gets_none() -> None:
    palette = "1.2.840.10008.5.1.4.39.1"
    blob = part10(ct(sop_class=palette, without=[STUDY_UID, SERIES_UID]), sop_class=palette)
    assert not {STUDY_UID, SERIES_UID} & set(tags(read(rewrite(blob))))


def test_both_passes_of_a_job_give_the_same() -> None:
    using = engine()
    for blob in (lacking(SOP_INSTANCE, STUDY_UID, SERIES_UID), lacking(STUDY_UID), part10(ct(LONG, without=[SERIES_UID]))):
        scan: Scan = using.scan(BytesIO(blob), uids=using.uids)
        new = read(rewrite(blob, using))
        assert scan.uids[STUDY_UID][1].decode() == new.StudyInstanceUID
        assert scan.uids[SERIES_UID][1].decode() == new.SeriesInstanceUID
        assert scan.uids[SOP_INSTANCE][1].decode() == new.SOPInstanceUID
        assert scan.description.study_uid == new.StudyInstanceUID


def test_a_data_set_in_memory_gets_what_its_file_gets() -> None:
    anonymizer = Anonymizer(ConfidentialityProfile(), KEY)
    given = read(lacking(STUDY_UID))
    from_file = anonymizer.anonymize(given)
    plain = Dataset()
    plain.update({element.tag: element for element in given})
    assert anonymizer.anonymize(plain).StudyInstanceUID == from_file.StudyInstanceUID
    bare = Dataset()
    bare.PatientName, bare.StudyInstanceUID = "Doe^Jane", STUDY
    assert "SOPInstanceUID" not in anonymizer.anonymize(bare)
