"""Which inputs are manifests."""

from __future__ import annotations

import gzip
import io

import pytest

from storage.manifests import ManifestError, is_manifest, looks_like_manifest, read_manifest

DICOM = bytes(128) + b"DICM" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", b"gs://b/x\n"),
        ("gs://b/a/LIST.TXT", b""),
        ("/a/list.csv", b"uri\n"),
        ("list.csv.gz", gzip.compress(b"uri\n", mtime=0)),
        ("s3://b/list.Parquet", b"PAR1..."),
        ("list.orc", b"ORC..."),
        ("s3://b/2024-01-01T01-00Z/manifest.json", b'\n {"files": []}'),
        ("gs://b/fc95c52f_2024-01-01T00:00_manifest.json", b'\xef\xbb\xbf{"report_config": {}}'),
    ],
)
def test_manifests(name: str, content: bytes) -> None:
    assert looks_like_manifest(name)
    assert is_manifest(name, content)
    assert not is_manifest(name, DICOM)
    assert not is_manifest(f"{name}/1.dcm", content)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet", "a.orc", "manifest.json"])
def test_what_is_only_called_so(name: str) -> None:
    assert looks_like_manifest(name)
    assert not is_manifest(name, b"gs://b/x\n")
    assert not is_manifest(name, b"")


@pytest.mark.parametrize("name", ["", "a.dcm", "gs://b/a.txt/", "txt", "a.gz", "a.txt.gz", "my-manifest.json", "a.json", "csv/a"])
def test_other_inputs(name: str) -> None:
    assert not looks_like_manifest(name)
    assert not is_manifest(name, b"gs://b/x\n")


def test_only_lists_of_objects_are_read() -> None:
    for name in ("/DOE^JOHN/manifest.json", "/DOE^JOHN.dcm"):
        with pytest.raises(ManifestError, match=r"^a list of objects is needed: \.txt, "):
            list(read_manifest(io.BytesIO(b"{}"), name))
