"""Arguments as users pass them, and results that they can go on with."""

from __future__ import annotations

import os
import pickle
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from anonymizer import Anonymizer, Key, KeyedUids, Pseudonyms
from profiles import ConfidentialityProfile, ProfileError, ProfileOptions
from tests.support.objects import CT, ct, part10

BLOB = part10(ct())
RETAIN_UIDS = ProfileOptions.BasicProfile | ProfileOptions.RetainUIDs


@pytest.fixture
def anonymizer() -> Anonymizer:
    return Anonymizer(key=b"k" * 32)


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
    (tmp_path / "key").write_bytes(b"k" * 32)
    assert Anonymizer(key=tmp_path / "key").key.key_id == Anonymizer(key=b"k" * 32).key.key_id


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
    key = Key(b"k" * 32)
    for holder in (key, KeyedUids(key), Pseudonyms(key)):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
