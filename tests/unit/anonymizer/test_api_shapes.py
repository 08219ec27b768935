"""Arguments as users pass them, and results that they can go on with."""

from __future__ import annotations

import copy
import os
import pickle
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from anonymizer import Anonymizer, Key
from anonymizer.internals import KeyedUids, Pseudonyms
from profiles import ConfidentialityProfile, ProfileError, ProfileOptions
from tests.support.keys import KEY, write_key
from tests.support.objects import CT, Element, ct, part10

BLOB = part10(ct())
RETAIN_UIDS = ProfileOptions.BasicProfile | ProfileOptions.RetainUIDs


@pytest.fixture
def anonymizer() -> Anonymizer:
    return Anonymizer(key=KEY)


def test_a_dataset_made_by_hand_can_be_saved_afterwards(anonymizer: Anonymizer) -> None:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientName = CT, "1.2.3", "Doe^Jane"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.SourceApplicationEntityTitle = "SECRET"
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    result = anonymizer.anonymize(made)
    anonymizer.anonymize_in_place(made)
    for dataset in (result, made):
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        assert b"SECRET" not in stream.getvalue()
        assert b"1.2.3\0" not in stream.getvalue()
        assert dcmread(BytesIO(stream.getvalue())).file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def named_file(folder: Path) -> Path:
    """A file that names a patient, of an object with items and private attributes."""
    item = [Element(0x00080100, "SH", "T-1"), Element(0x00100010, "PN", "Doe^Jane")]
    more = [Element(0x00082218, "SQ", [item]), Element(0x00290010, "LO", "OF DOE^JANE"), Element(0x00291001, "LO", "DOE^JANE")]
    path = folder / "DOE^JANE.dcm"
    path.write_bytes(part10(ct(*more, Element(0x00100010, "PN", "DOE^JANE"))))
    return path


def test_a_file_data_set_changed_in_place_does_not_know_its_file_any_more(anonymizer: Anonymizer, tmp_path: Path) -> None:
    path = named_file(tmp_path)
    given = dcmread(path)
    given.seen_by_the_host = "DOE^JANE"
    assert given.private_block(0x0029, "OF DOE^JANE")[0x01].value and given.PixelData
    assert given.AnatomicRegionSequence[0].CodeValue == "T-1"
    anonymizer.anonymize_in_place(given)
    assert given.filename is None and given.timestamp is None and given.buffer is None
    held = pickle.dumps(given)
    assert b"JANE" not in held.upper() and str(tmp_path).encode() not in held
    # and it can be worked with
    assert given.AnatomicRegionSequence[0].CodeValue == "T-1" and given.PixelData
    stream = BytesIO()
    given.save_as(stream)
    assert stream.getvalue() == anonymizer.anonymize(path.read_bytes())
    assert copy.deepcopy(given) == given


def test_no_result_knows_the_file_that_it_came_from(anonymizer: Anonymizer, tmp_path: Path) -> None:
    path = named_file(tmp_path)
    with path.open("rb") as stream:
        results = [anonymizer.anonymize(x) for x in (path, str(path), dcmread(path), dcmread(path, defer_size=1), stream)]
    for result in results:
        held = pickle.dumps(result)
        assert b"JANE" not in held.upper() and str(tmp_path).encode() not in held
        assert result.filename is None and result.timestamp is None and result.buffer is None


def test_a_plain_data_set_keeps_how_it_is_to_be_saved(anonymizer: Anonymizer) -> None:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientName = CT, "1.2.3", "Doe^Jane"
    made._is_implicit_VR, made._is_little_endian = True, True
    anonymizer.anonymize_in_place(made)
    assert (made._is_implicit_VR, made._is_little_endian) == (True, True)
    assert b"Jane" not in pickle.dumps(made)


def test_an_open_file_is_read_from_its_beginning(anonymizer: Anonymizer) -> None:
    stream = BytesIO()
    stream.write(BLOB)
    assert isinstance(anonymizer.anonymize(stream), FileDataset)
    anonymizer.anonymize_in_place(stream)
    assert stream.getvalue() == anonymizer.anonymize(BLOB)


def test_a_stream_that_can_only_be_read_on_is_read_on(anonymizer: Anonymizer) -> None:
    reader, writer = os.pipe()
    os.write(writer, BLOB)
    os.close(writer)
    with open(reader, "rb") as stream:
        assert anonymizer.anonymize(stream).PatientIdentityRemoved == "YES"


def test_what_is_no_object_is_a_type_error(anonymizer: Anonymizer) -> None:
    for wrong in (StringIO("x"), 5, None, [BLOB]):
        with pytest.raises(TypeError):
            anonymizer.anonymize(wrong)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "options",
    [
        ProfileOptions.RetainUIDs,
        RETAIN_UIDS,
        "RetainUIDs",
        "basic, retain uids",
        ["RetainUIDs"],
        [ProfileOptions.RetainUIDs, "BasicProfile"],
    ],
)
def test_options_are_given_as_a_flag_by_name_or_several(options: object) -> None:
    assert ConfidentialityProfile.default(options).options == RETAIN_UIDS  # type: ignore[arg-type]


@pytest.mark.parametrize("nothing", [None, "", [], ProfileOptions.BasicProfile, "BasicProfile", "basic"])
def test_no_options_are_the_basic_profile(nothing: object) -> None:
    assert ConfidentialityProfile.default(nothing) == ConfidentialityProfile()  # type: ignore[arg-type]


def test_what_is_no_option_or_alias_is_a_profile_error() -> None:
    for wrong in (4, ["NoSuchOption"], [5]):
        with pytest.raises(ProfileError):
            ConfidentialityProfile.default(wrong)  # type: ignore[arg-type]
    with pytest.raises(ProfileError):
        ConfidentialityProfile.default(patient_id=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Anonymizer(ProfileOptions.RetainUIDs)  # type: ignore[arg-type]


def test_a_key_may_be_a_path(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    assert Anonymizer(key=tmp_path / "key").key.key_id == Anonymizer(key=KEY).key.key_id


def test_behind_a_link_the_file_itself_is_replaced(anonymizer: Anonymizer, tmp_path: Path) -> None:
    private = tmp_path / "private.dcm"
    private.write_bytes(BLOB)
    private.chmod(0o600)
    link = tmp_path / "link.dcm"
    link.symlink_to(private)
    anonymizer.anonymize_in_place(link)
    assert link.is_symlink()
    assert private.read_bytes() == anonymizer.anonymize(BLOB)
    assert private.stat().st_mode & 0o777 == 0o600


def test_nothing_that_holds_a_key_can_be_pickled() -> None:
    key = Key(KEY)
    for holder in (key, KeyedUids(key), Pseudonyms(key)):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
