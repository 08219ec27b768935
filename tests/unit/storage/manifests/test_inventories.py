"""What S3 Inventory and the reports of Google Cloud Storage have beside their lists."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from storage.manifests import InventoryFile, ManifestError, inventory_files, read_manifest

CSV_SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
S3: dict[str, Any] = {
    "sourceBucket": "scans",
    "destinationBucket": "arn:aws:s3:::inventories",
    "version": "2016-11-30",
    "creationTimestamp": "1514944800000",
    "fileFormat": "CSV",
    "fileSchema": CSV_SCHEMA,
    "files": [{"key": "daily/scans/all/data/d794.csv.gz", "size": 21474, "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}],
}
GOOGLE: dict[str, Any] = {
    "report_config": {
        "name": "projects/p/locations/us/reportConfigs/fc95c52f",
        "csv_options": {"record_separator": "\n", "delimiter": ","},
        "object_metadata_report_options": {
            "metadata_fields": ["project", "bucket", "name", "size", "timeDeleted", "generation"],
            "storage_filters": {"bucket": "scans"},
        },
    },
    "records_processed": 2,
    "snapshot_time": "2024-01-01T00:00:00Z",
    "shard_count": 2,
    "report_shards_file_names": ["fc95c52f_2024-01-01T00:00_0.csv", "fc95c52f_2024-01-01T00:00_1.csv"],
}
HERE = "s3://inventories/daily/scans/all/2024-01-01T01-00Z/manifest.json"


def files(manifest: object, name: str = HERE) -> list[InventoryFile]:
    return inventory_files(json.dumps(manifest).encode(), name)


def test_s3_inventory() -> None:
    schema = tuple(CSV_SCHEMA.split(", "))
    assert files(S3) == [("s3://inventories/daily/scans/all/data/d794.csv.gz", schema)]
    assert files({**S3, "files": []}) == []
    for arn in ("arn:aws-cn:s3:::inventories", "inventories"):
        assert files({**S3, "destinationBucket": arn}) == files(S3)


@pytest.mark.parametrize(("kind", "suffix"), [("ORC", "orc"), ("Parquet", "parquet")])
def test_s3_inventory_in_columns(kind: str, suffix: str) -> None:
    schema = {"ORC": "struct<bucket:string,key:string>", "Parquet": "message s3.inventory { required binary bucket (UTF8);}"}
    keys = [{"key": f"d/{number}.{suffix}", "size": 1} for number in range(2)]
    found = files({**S3, "fileFormat": kind, "fileSchema": schema[kind], "files": keys})
    assert found == [(f"s3://inventories/d/{number}.{suffix}", ()) for number in range(2)]


def test_a_copied_inventory_of_s3(tmp_path: Path) -> None:
    manifest = tmp_path / "2024-01-01T01-00Z" / "manifest.json"
    manifest.parent.mkdir()
    assert [file.uri for file in files(S3, str(manifest))] == ["s3://inventories/daily/scans/all/data/d794.csv.gz"]
    (tmp_path / "data").mkdir()
    for copy in (tmp_path / "data" / "d794.csv.gz", manifest.parent / "d794.csv.gz"):
        copy.write_bytes(gzip.compress(b'"scans","a+1.dcm","v","true","false","7","2024-01-01","9f86","STANDARD"\n'))
        [found] = files(S3, str(manifest))
        assert found.uri == str(copy)
        with open(found.uri, "rb") as stream:
            entries = list(read_manifest(stream, found.uri, found.schema))
        assert entries == [(b"s3://scans/a 1.dcm", b"s3://scans/a 1.dcm", 7, "9f86", None)]


@pytest.mark.parametrize("folder", ["gs://reports/r/", "/copies/"])
def test_reports_of_google_cloud_storage(folder: str) -> None:
    found = files(GOOGLE, folder + "fc95c52f_2024-01-01T00:00_manifest.json")
    schema = ("project", "bucket", "name", "size", "timeDeleted", "generation")
    assert found == [(f"{folder}fc95c52f_2024-01-01T00:00_{shard}.csv", schema) for shard in range(2)]
    row, uri = b"12,scans,a/1.dcm,7,,17\n", b"gs://scans/a/1.dcm"
    # whether there is a header is for who configures the report
    for header in (
        b"",
        b"project,bucket,name,size,timeDeleted,generation\n",
        b"project,bucket,size,name,generation,timeDeleted\n",
    ):
        content = header + (b"12,scans,7,a/1.dcm,17,\n" if b"size,name" in header else row)
        assert list(read_manifest(io.BytesIO(content), found[0].uri, found[0].schema)) == [(uri, uri, 7, "17", None)]
    assert list(read_manifest(io.BytesIO(b""), found[0].uri, found[0].schema)) == []


def test_reports_in_parquet() -> None:
    shards = {"report_shards_file_names": ["r_0.parquet", "x/r_1.parquet"], "shard_count": 2}
    assert files({**GOOGLE, **shards}, "gs://b/r_manifest.json") == [("gs://b/r_0.parquet", ()), ("gs://b/r_1.parquet", ())]
    assert files(shards, "gs://b/r_manifest.json") == [("gs://b/r_0.parquet", ()), ("gs://b/r_1.parquet", ())]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"name": "DOE^JOHN"}, "neither S3 Inventory nor"),
        (["DOE^JOHN"], "neither S3 Inventory nor"),
        ({**S3, "fileFormat": "DOE^JOHN"}, "fileFormat is none of CSV, ORC, PARQUET"),
        ({**S3, "fileSchema": "DOE^JOHN, Size"}, "no column is one of"),
        ({**S3, "fileSchema": ""}, "the columns have no names"),
        ({**S3, "destinationBucket": 7}, "destinationBucket: text is needed"),
        ({**S3, "destinationBucket": "arn:aws:s3:::DOE/JOHN"}, "destinationBucket is no bucket"),
        ({**S3, "files": {}}, "files: a list is needed"),
        ({**S3, "files": [{"key": "a.csv.gz"}, {"key": "DOE^JOHN.csv"}]}, "files, number 2: its name doesn't end in .csv.gz"),
        ({**S3, "files": ["DOE^JOHN"]}, "files, number 1: key: text is needed"),
        ({**GOOGLE, "report_shards_file_names": ["DOE^JOHN.txt"]}, "report_shards_file_names, number 1: its name"),
        ({**GOOGLE, "report_shards_file_names": "DOE"}, "report_shards_file_names: a list is needed"),
        ({**GOOGLE, "report_shards_file_names": [None]}, "report_shards_file_names, number 1: text is needed"),
        ({**GOOGLE, "report_config": {"object_metadata_report_options": {"metadata_fields": ["DOE"]}}}, "no column is one of"),
        ({**GOOGLE, "report_config": {"object_metadata_report_options": {"metadata_fields": ["a,b"]}}}, "the columns have no"),
    ],
)
def test_manifests_that_cant_be_used(manifest: object, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        files(manifest)
    assert str(caught.value).startswith(message)
    assert "DOE" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b'{"DOE": \xff}', b"[" * 100_000, b'{"a": ' + b"9" * 10_000 + b"}"])
def test_no_json(content: bytes) -> None:
    with pytest.raises(ManifestError) as caught:
        inventory_files(content, HERE)
    assert "DOE" not in str(caught.value) and caught.value.__cause__ is None
