"""The Python API: whatever holds a DICOM object goes in, its de-identified like comes out."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import textwrap
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from anonymizer import Anonymizer, DeidentificationError, Key, SecretError, anonymize_file
from profiles import ConfidentialityProfile
from tests.support.keys import write_key
from tests.support.objects import BIG, CT, INSTANCE, SYNTAXES, Element, ct, from_dataset, part10, read
from tests.support.running import SECRET, rewrite

BLOB = part10(ct(Element(0x00104000, "LT", "comment")))


@pytest.fixture
def anonymizer() -> Anonymizer:
    """The Basic Profile with a fixed key."""
    return Anonymizer(key=SECRET)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to de-identify."""
    file = tmp_path / "Doe^Jane.dcm"
    file.write_bytes(BLOB)
    return file


def plain(**values: object) -> Dataset:
    """A data set that was never in a file."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = INSTANCE
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "MRN-4711"
    dataset.PatientComments = "comment"
    dataset.Rows = 2
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


# -- what goes in, what comes out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_give_the_bytes_that_the_engine_gives(anonymizer: Anonymizer, kind: type) -> None:
    given = kind(BLOB)
    new = anonymizer.anonymize(given)
    assert type(new) is bytes and new == rewrite(BLOB)
    assert bytes(given) == BLOB


def test_a_path_an_open_file_and_a_file_dataset_give_the_same(anonymizer: Anonymizer, path: Path) -> None:
    expected = read(rewrite(BLOB))
    with path.open("rb") as stream:
        results = [anonymizer.anonymize(x) for x in (path, str(path), stream, BytesIO(BLOB), dcmread(path))]
    for new in results:
        assert type(new) is FileDataset and new == expected and new.file_meta == expected.file_meta
    assert path.read_bytes() == BLOB


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_a_file_dataset_is_left_as_it_is(anonymizer: Anonymizer, syntax: str) -> None:
    given = read(part10(ct(Element(0x00081115, "SQ", [[Element(0x00081155, "UI", "1.2.3")]])), syntax))
    before = copy.deepcopy(given)
    new = anonymizer.anonymize(given)
    assert given == before and given.file_meta == before.file_meta and given.preamble == before.preamble
    assert new.file_meta.TransferSyntaxUID == syntax and new.SOPInstanceUID != given.SOPInstanceUID
    assert new.Rows == 2 and new.PixelData == given.PixelData


def test_a_plain_dataset_gives_a_plain_dataset(anonymizer: Anonymizer) -> None:
    given = plain(ReferencedSeriesSequence=Sequence([plain()]))
    before = copy.deepcopy(given)
    new = anonymizer.anonymize(given)
    assert type(new) is Dataset and given == before
    assert new.PatientName == "" and "PatientComments" not in new and new.Rows == 2
    assert new.SOPInstanceUID == read(rewrite(BLOB)).SOPInstanceUID
    assert new.ReferencedSeriesSequence[0].PatientName == "" and "PatientComments" not in new.ReferencedSeriesSequence[0]
    assert new.PatientIdentityRemoved == "YES"


def test_a_plain_dataset_may_lack_its_uids(anonymizer: Anonymizer) -> None:
    given = Dataset()
    given.PatientName, given.StudyDate, given.Rows = "Doe^Jane", "20200131", 5
    new = anonymizer.anonymize(given)
    assert (new.PatientName, new.StudyDate, new.Rows) == ("", "", 5)


def test_text_in_a_plain_dataset_keeps_its_character_set(anonymizer: Anonymizer) -> None:
    given = plain(SpecificCharacterSet="ISO_IR 192", SoftwareVersions="Schädel", PatientID="Müller")
    new = anonymizer.anonymize(given)
    assert new.SoftwareVersions == "Schädel"
    assert new.PatientID == anonymizer.anonymize(plain(SpecificCharacterSet="ISO_IR 100", PatientID="Müller")).PatientID


def test_an_item_of_a_big_endian_file_keeps_its_numbers(anonymizer: Anonymizer) -> None:
    item = [Element(0x00280010, "US", 258), Element(0x00104000, "LT", "comment")]
    given = read(part10(ct(Element(0x00081115, "SQ", [item])), BIG)).ReferencedSeriesSequence[0]
    new = anonymizer.anonymize(given)
    assert new.Rows == 258 and "PatientComments" not in new


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "image_dfl.dcm", "rtplan.dcm", "test-SR.dcm"]
)
def test_a_real_file_gives_the_same_in_every_way(name: str, tmp_path: Path) -> None:
    # some are pictures of nobody knows what
    anonymizer = Anonymizer(key=SECRET, pixels="keep")
    source = str(get_testdata_file(name))
    anonymizer.anonymize_file(source, tmp_path / "out.dcm")
    expected = dcmread(tmp_path / "out.dcm")
    assert (tmp_path / "out.dcm").read_bytes() == anonymizer.anonymize(Path(source).read_bytes())
    assert anonymizer.anonymize(source) == expected == anonymizer.anonymize(dcmread(source))


@pytest.mark.parametrize("x", [None, 7, ["a.dcm"], object()])
def test_anything_else_is_a_type_error(anonymizer: Anonymizer, x: object) -> None:
    with pytest.raises(TypeError):
        anonymizer.anonymize(x)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        anonymizer.anonymize_in_place(x)  # type: ignore[arg-type]


def test_a_missing_file_is_an_os_error(anonymizer: Anonymizer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        anonymizer.anonymize(tmp_path / "missing.dcm")


@pytest.mark.parametrize("charset", [b"\0SO_IR 100 ", b"ISO_IR 1\0\0\\\0", b"\xff\xfe\xfd", b"utf-8\0\0\0"])
def test_a_damaged_character_set_is_refused_or_passes_but_never_a_crash(
    anonymizer: Anonymizer, path: Path, charset: bytes
) -> None:
    path.write_bytes(part10(ct(Element(0x00080005, "CS", charset), Element(0x00080104, "LO", b"\xe9\xff"))))
    for x in (path, path.read_bytes(), BytesIO(path.read_bytes())):
        try:
            assert anonymizer.anonymize(x)
        except DeidentificationError as error:
            assert "utf-8" not in str(error)  # noqa: PT017


# -- in place -------------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(anonymizer: Anonymizer, path: Path) -> None:
    anonymizer.anonymize_in_place(path)
    assert path.read_bytes() == rewrite(BLOB)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_open_file_and_a_bytearray_are_rewritten(anonymizer: Anonymizer, path: Path) -> None:
    expected = rewrite(BLOB)
    with path.open("r+b") as stream:
        anonymizer.anonymize_in_place(stream)
    assert path.read_bytes() == expected
    memory, content = BytesIO(BLOB + b"\0" * 5000), bytearray(BLOB)
    anonymizer.anonymize_in_place(memory)
    anonymizer.anonymize_in_place(content)
    assert memory.getvalue() == bytes(content) == expected


def test_a_file_dataset_is_rewritten_with_its_meta(anonymizer: Anonymizer) -> None:
    given = read(BLOB.replace(bytes(128), b"PREAMBLE" * 16, 1))
    anonymizer.anonymize_in_place(given)
    stream = BytesIO()
    given.save_as(stream)
    assert read(stream.getvalue()) == read(rewrite(BLOB))
    assert b"PREAMBLE" not in stream.getvalue() and INSTANCE.encode() not in stream.getvalue()


def test_a_plain_dataset_is_rewritten_with_the_meta_that_hangs_on_it(anonymizer: Anonymizer) -> None:
    given = plain()
    given.file_meta = FileMetaDataset()
    given.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    given.file_meta.MediaStorageSOPClassUID = UID(CT)
    given.file_meta.MediaStorageSOPInstanceUID = UID(INSTANCE)
    given.file_meta.SourceApplicationEntityTitle = "SOURCETOKEN"
    given.preamble = b"PREAMBLE" * 16
    anonymizer.anonymize_in_place(given)
    stream = BytesIO()
    given.save_as(stream, implicit_vr=False, little_endian=True)
    for leak in (INSTANCE, "SOURCETOKEN", "PREAMBLE", "Doe", "4711"):
        assert leak.encode() not in stream.getvalue()


def test_bytes_cannot_be_changed_in_place(anonymizer: Anonymizer) -> None:
    with pytest.raises(TypeError):
        anonymizer.anonymize_in_place(BLOB)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [BLOB[:-3], BLOB.replace(b"\x08\x00\x16\x00", b"\x08\x00\x15\x00"), b"no dicom"])
def test_what_cannot_be_de_identified_is_as_it_was(anonymizer: Anonymizer, path: Path, bad: bytes) -> None:
    path.write_bytes(bad)
    content, memory = bytearray(bad), BytesIO(bad)
    for x in (path, content, memory):
        with pytest.raises(DeidentificationError):
            anonymizer.anonymize_in_place(x)
    assert path.read_bytes() == bytes(content) == memory.getvalue() == bad
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_dataset_that_cannot_be_de_identified_is_as_it_was(anonymizer: Anonymizer) -> None:
    given = plain(BurnedInAnnotation="YES")
    before = copy.deepcopy(given)
    with pytest.raises(DeidentificationError):
        anonymizer.anonymize_in_place(given)
    assert given == before


# -- files ----------------------------------------------------------------------------------------------------------------


def test_the_output_appears_only_when_it_is_whole(anonymizer: Anonymizer, tmp_path: Path, path: Path) -> None:
    destination = tmp_path / "out.dcm"
    destination.write_bytes(b"old")
    path.write_bytes(BLOB[:-3])
    with pytest.raises(DeidentificationError):
        anonymizer.anonymize_file(path, destination)
    assert destination.read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, "out.dcm"]


def test_a_report_comes_back(anonymizer: Anonymizer, tmp_path: Path, path: Path) -> None:
    report = anonymizer.anonymize_file(path, tmp_path / "out.dcm")
    assert report.sop_instance_uid == dcmread(tmp_path / "out.dcm").SOPInstanceUID
    assert anonymize_file(path, tmp_path / "other.dcm", ConfidentialityProfile(), SECRET) == report
    assert (tmp_path / "other.dcm").read_bytes() == (tmp_path / "out.dcm").read_bytes()


class Trickle(BytesIO):
    """A stream that takes and gives a few bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 100))

    def write(self, content: Any, /) -> int:
        return super().write(content[:100])


def test_streams_are_files_too(anonymizer: Anonymizer, tmp_path: Path, path: Path) -> None:
    expected = rewrite(BLOB)
    given, taken = Trickle(b"before" + BLOB), Trickle()
    given.seek(len(b"before"))
    report = anonymizer.anonymize_file(given, taken)
    assert taken.getvalue() == expected
    assert report == anonymizer.anonymize_file(BytesIO(BLOB), tmp_path / "out.dcm")
    assert (tmp_path / "out.dcm").read_bytes() == expected
    anonymizer.anonymize_file(path, taken)
    assert taken.getvalue() == expected * 2
    with pytest.raises(DeidentificationError):
        anonymizer.anonymize_file(BytesIO(BLOB[:-3]), taken)
    assert taken.getvalue() == expected * 2


@pytest.mark.skipif(os.name != "posix", reason="umask")
def test_the_output_has_the_mode_of_any_new_file(anonymizer: Anonymizer, tmp_path: Path, path: Path) -> None:
    anonymizer.anonymize_file(path, tmp_path / "out.dcm")
    (tmp_path / "any").write_bytes(b"")
    assert (tmp_path / "out.dcm").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="resource limits")
@pytest.mark.parametrize("limit", [500, 20_000, 34_000])
def test_a_full_disk_leaves_no_half_written_output(tmp_path: Path, limit: int) -> None:
    program = """
        import resource, sys
        from anonymizer import Anonymizer
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
        try:
            Anonymizer().anonymize_file(sys.argv[1], sys.argv[2])
        except OSError:
            sys.exit(3)
    """
    source = str(get_testdata_file("CT_small.dcm"))
    command = [sys.executable, "-c", textwrap.dedent(program), source, str(tmp_path / "out.dcm"), str(limit)]
    done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True)
    assert done.returncode == 3, done.stderr
    assert list(tmp_path.iterdir()) == []


# -- keys -----------------------------------------------------------------------------------------------------------------


def test_without_a_key_an_anonymizer_is_consistent_in_itself_and_like_no_other() -> None:
    one, other = Anonymizer(), Anonymizer()
    assert one.anonymize(BLOB) == one.anonymize(BLOB) != other.anonymize(BLOB)


def test_a_key_may_be_given_as_key_bytes_or_uri(tmp_path: Path) -> None:
    write_key(tmp_path / "key", SECRET)
    outputs = {Anonymizer(key=key).anonymize(BLOB) for key in (Key(SECRET), SECRET, f"file:{tmp_path / 'key'}")}
    assert len(outputs) == 1
    assert Anonymizer(key=SECRET, scope="A").anonymize(BLOB) not in outputs


@pytest.mark.parametrize("key", [b"short", "env:DEID_NOT_SET", "s" * 40])
def test_a_bad_key_or_root_is_refused_at_once(key: bytes | str) -> None:
    with pytest.raises(SecretError):
        Anonymizer(key=key)
    with pytest.raises(SecretError):
        Anonymizer(uid_root="no oid")


def test_options_reach_the_output() -> None:
    study = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
    blob = from_dataset(plain(InstitutionName="Charité", SpecificCharacterSet="ISO_IR 192", **study))
    kept = Anonymizer(ConfidentialityProfile.default("RetainInstitutionIdent"), SECRET, uid_root="2.999").anonymize(blob)
    assert read(kept).InstitutionName == "Charité" and read(kept).SOPInstanceUID.startswith("2.999.")
    assert "InstitutionName" not in read(Anonymizer(key=SECRET).anonymize(blob))


def test_burned_in_annotation_passes_only_when_asked_for() -> None:
    blob = part10(ct(Element(0x00280301, "CS", "YES")))
    with pytest.raises(DeidentificationError, match="burned-in"):
        Anonymizer().anonymize(blob)
    assert read(Anonymizer(keep_burned_in=True).anonymize(blob)).BurnedInAnnotation == "YES"
