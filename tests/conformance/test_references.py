"""References between objects that are de-identified apart from each other: each still leads where it led."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile
from tests.support import study
from tests.support.keys import KEY, OTHER_KEY, write_key
from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.runs import deidentify
from tests.support.table import Combination, name_of

STRUCTURED = ("CleanStructdCont",)
ALL_MODIFIED = (
    "RetainSafePrivate",
    "RetainDeviceIdent",
    "RetainInstitutionIdent",
    "RetainPatientChars",
    "RetainLongModifDates",
    "CleanDesc",
    "CleanStructdCont",
    "CleanGraph",
)
each_set = pytest.mark.parametrize("options", [(), STRUCTURED, ("CleanGraph",), ("CleanDesc",), ALL_MODIFIED], ids=name_of)
#: what a dummy takes the place of, and the option that keeps it
_CONTENT, _ANNOTATIONS = "ContentSequence", "GraphicAnnotationSequence"

_OF_A_KIND = frozenset({"ReferencedSOPClassUID", "CodingSchemeUID"})

Path_ = tuple[str | int, ...]


def anonymized(content: bytes, options: Combination = (), key: bytes = KEY) -> Dataset:
    """De-identified by an Anonymizer that has seen nothing else."""
    return read(Anonymizer(ConfidentialityProfile.default(list(options)), key).anonymize(content))


@cache
def new_uid(uid: str) -> str:
    """What takes the place of ``uid`` in an object that has it for its own."""
    return str(anonymized(part10(ct(Element(0x00080018, "UI", uid)))).SOPInstanceUID)


def uids(dataset: Dataset, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Each UID that isn't the same in all objects of a kind, and where it stands: keywords and item numbers."""
    for element in dataset:
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from uids(item, (*path, element.keyword, number))
        elif element.VR == "UI" and element.keyword not in _OF_A_KIND and not str(element.value).startswith("1.2.840.10008."):
            values = [element.value] if isinstance(element.value, str) else element.value
            for number, uid in enumerate(values):
                yield (*path, element.keyword, number), str(uid)


def replaced_by_dummies(options: Combination) -> set[str]:
    """The sequences that nothing is left of."""
    keeps = {_CONTENT: "CleanStructdCont", _ANNOTATIONS: "CleanGraph"}
    return {sequence for sequence, option in keeps.items() if option not in options}


# -- a study --------------------------------------------------------------------------------------------------------------


@each_set
def test_every_reference_leads_to_the_object_that_it_led_to(options: Combination) -> None:
    old = study.study()
    new = {uid: anonymized(content, options) for uid, content in study.files().items()}
    identity = {uid: str(found.SOPInstanceUID) for uid, found in new.items()}
    assert len(set(identity.values())) == len(old) and not set(identity) & set(identity.values())
    checked = 0
    for uid, before in old.items():
        after = dict(uids(new[uid]))
        for path, value in uids(before):
            if path[0] in replaced_by_dummies(options) or (path[0] == _CONTENT and uid == study.REPORT):
                continue
            assert after.get(path) == new_uid(value), (before.Modality, path)
            if value in identity and len(path) > 2:
                assert after[path] == identity[value], (before.Modality, path)
                checked += 1
    assert checked > 35


@each_set
def test_what_objects_share_they_still_share(options: Combination) -> None:
    new = {uid: anonymized(content, options) for uid, content in study.files().items()}
    assert len({found.StudyInstanceUID for found in new.values()}) == 1
    assert len({found.FrameOfReferenceUID for found in new.values() if "FrameOfReferenceUID" in found}) == 1
    assert len({new[uid].SeriesInstanceUID for uid in study.SLICES}) == 1
    structures = new[study.STRUCTURES].ReferencedFrameOfReferenceSequence[0]
    assert structures.FrameOfReferenceUID == new[study.SLICES[0]].FrameOfReferenceUID
    assert structures.RTReferencedStudySequence[0].ReferencedSOPInstanceUID == new[study.SLICES[0]].StudyInstanceUID
    assert len({found.PatientID for found in new.values()}) == 1


@pytest.mark.parametrize("others", [(), ALL_MODIFIED, ("RetainLongFullDates", "CleanGraph")], ids=name_of)
def test_retained_uids_are_what_they_were_everywhere(others: Combination) -> None:
    options = ("RetainUIDs", *others)
    for uid, before in study.study().items():
        found = anonymized(study.files()[uid], options)
        after = dict(uids(found))
        for path, value in uids(before):
            if path[0] not in replaced_by_dummies(options) and not (path[0] == _CONTENT and uid == study.REPORT):
                assert after.get(path) == value, (before.Modality, path)
        assert found.file_meta.MediaStorageSOPInstanceUID == uid


def test_another_key_leads_elsewhere() -> None:
    content = study.files()[study.STRUCTURES]
    assert not set(dict(uids(anonymized(content))).values()) & set(dict(uids(anonymized(content, key=OTHER_KEY))).values())


def test_two_runs_of_the_command_with_one_key_fit_together(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    objects = []
    for part, wanted in (("images", set(study.SLICES)), ("others", set(study.study()) - set(study.SLICES))):
        folder = tmp_path / part
        folder.mkdir()
        for number, (uid, content) in enumerate(study.files().items()):
            if uid in wanted:
                (folder / str(number)).write_bytes(content)
        run = deidentify(folder, tmp_path / f"{part} out", tmp_path / "key", "--options", ",".join(ALL_MODIFIED))
        assert run.code == 0, run.log
        objects += [read(content) for content in run.objects().values()]
    by_class = {found.SOPClassUID: found for found in objects}
    slices = {found.SOPInstanceUID for found in objects if found.SOPClassUID == study.CT}
    assert len(slices) == 3 and len(objects) == len(study.study())
    structures = by_class[study.RT_STRUCTURES].ROIContourSequence[0].ContourSequence
    assert {contour.ContourImageSequence[0].ReferencedSOPInstanceUID for contour in structures} == slices
    frames = by_class[study.SEGMENTATION].PerFrameFunctionalGroupsSequence
    sources = [frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID for frame in frames]
    assert set(sources) == slices
    evidence = by_class[study.KEY_OBJECT].CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in evidence[0].ReferencedSOPSequence} == slices
    assert evidence[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == by_class[study.SEGMENTATION].SOPInstanceUID
    assert len({found.PatientID for found in objects}) == 1


# -- structured reports ---------------------------------------------------------------------------------------------------


def named(root: Dataset) -> dict[str, Dataset]:
    """The content items below ``root`` by their concepts."""
    found = {}
    for item in root.get(_CONTENT, []):
        if "ConceptNameCodeSequence" in item:
            found[str(item.ConceptNameCodeSequence[0].CodeValue)] = item
        found |= named(item)
    return found


def follow(root: Dataset, position: list[int]) -> Dataset:
    """The item at ``position`` (PS3.3 C.17.3.2.5: ordinal numbers, the root is 1)."""
    assert position[0] == 1
    for ordinal in position[1:]:
        root = root.ContentSequence[ordinal - 1]
    return root


def targets(root: Dataset) -> list[str]:
    """The concepts of the items to which the measurement refers by their positions."""
    relationships = named(root)["999006"].get(_CONTENT, [])
    positions = [
        [number] if isinstance(number, int) else list(number)
        for number in (item.ReferencedContentItemIdentifier for item in relationships)
    ]
    return [str(follow(root, position).ConceptNameCodeSequence[0].CodeValue) for position in positions]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED], ids=["explicit", "implicit", "big endian", "deflated"])
@pytest.mark.parametrize("options", [STRUCTURED, ALL_MODIFIED, ("CleanStructdCont", "RetainUIDs")], ids=name_of)
def test_relationships_by_position_lead_to_the_same_items(options: Combination, syntax: str) -> None:
    before = study.study()[study.REPORT]
    assert targets(before) == ["999001", "999007", "121022", "999005"]
    after = anonymized(study.files(syntax)[study.REPORT], options)
    assert "121022" not in named(after)
    # the relationship to the item that went is gone with it
    assert targets(after) == ["999001", "999007", "999005"]


@pytest.mark.parametrize("options", [STRUCTURED, ALL_MODIFIED, ("CleanStructdCont", "RetainUIDs")], ids=name_of)
def test_items_of_a_report_refer_to_what_they_referred_to(options: Combination) -> None:
    expected = (lambda uid: uid) if "RetainUIDs" in options else new_uid
    items = named(anonymized(study.files()[study.REPORT], options))
    for concept, uid in (
        ("999001", study.SLICES[2]),
        ("999007", study.SLICES[1]),
        ("999002", study.SEGMENTS),
        ("999003", study.STRUCTURES),
    ):
        assert items[concept].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == expected(uid), concept
    assert items["999002"].ReferencedSOPSequence[0].ReferencedSegmentNumber == 1
    selected = items["999005"].ContentSequence[0]
    assert selected.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == expected(study.SLICES[0])
    assert list(items["999005"].GraphicData) == [1, 2]
    assert items["999006"].MeasuredValueSequence[0].NumericValue == 7.25
    segment = anonymized(study.files()[study.SEGMENTS], options).SegmentSequence[0]
    assert items["112040"].UID == segment.TrackingUID == expected(study.TRACKING)


def test_a_report_without_the_option_refers_to_its_evidence_still() -> None:
    for uid in (study.REPORT, study.KEY_OBJECTS):
        new = anonymized(study.files()[uid])
        series = new.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        assert [item.ReferencedSOPInstanceUID for item in series[0].ReferencedSOPSequence] == [new_uid(u) for u in study.SLICES]
        assert len(new.ContentSequence) == 1 and "ReferencedSOPSequence" not in new.ContentSequence[0]


# -- real files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ALL_MODIFIED, ("CleanDesc", "CleanGraph")], ids=name_of)
@pytest.mark.parametrize("name", ["rtstruct.dcm", "rtplan.dcm", "rtdose.dcm", "liver_1frame.dcm", "MR_small.dcm"])
def test_real_files_keep_their_references(name: str, options: Combination) -> None:
    path = str(get_testdata_file(name))
    after = dict(uids(anonymized(Path(path).read_bytes(), options)))
    kept = {path: value for path, value in uids(dcmread(path, force=True)) if path in after}
    assert len(kept) >= 4
    assert {path: after[path] for path in kept} == {path: new_uid(value) for path, value in kept.items()}


@pytest.mark.parametrize("name", ["test-SR.dcm", "reportsi.dcm", "reportsi_with_empty_number_tags.dcm"])
@pytest.mark.parametrize("options", [STRUCTURED, ALL_MODIFIED, ("CleanStructdCont", "RetainUIDs")], ids=name_of)
def test_real_reports_keep_theirs(name: str, options: Combination) -> None:
    path = str(get_testdata_file(name))
    before = dcmread(path)
    after = anonymized(Path(path).read_bytes(), options)
    expected = {uid if "RetainUIDs" in options else new_uid(uid) for _, uid in uids(before)}
    # the value of a UIDREF item has no K (PS3.15 E.3.9)
    found = {uid for path_, uid in uids(after) if path_[0] == _CONTENT and "UID" not in path_}
    assert found <= expected
    referred = {uid for path_, uid in uids(before) if path_[0] == _CONTENT and "ReferencedSOPInstanceUID" in path_}
    assert bool(found) == bool(referred)
    assert after.ContentSequence[0].ConceptNameCodeSequence[0].CodeValue
