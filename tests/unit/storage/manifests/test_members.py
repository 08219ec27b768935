"""Manifests that name members of zips and tars."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from storage.archive import StoredArchive
from storage.manifests import ManifestEntry, ManifestError, by_container, grouping, read_manifest

MEMBERS = (b"a/1.dcm", b"a/1.dcm#2", b' =b,"c"\r\n;.dcm ', b"\xff\xfe#", b"./d!/e", b"x" * 300)


def entries(content: bytes, name: str = "/lists/a.csv") -> list[ManifestEntry]:
    return list(read_manifest(io.BytesIO(content), name))


def test_a_cell_names_a_member_or_the_object_itself() -> None:
    found = entries(b"uri,member,size\ns3://b/a.zip,x/1.dcm,7\ns3://b/a.zip,,7\nin.tar.gz,2,\n1.dcm,,\n")
    assert [(entry.uri, entry.member, entry.size) for entry in found] == [
        (b"s3://b/a.zip", b"x/1.dcm", 7),
        (b"s3://b/a.zip", None, 7),
        (b"/lists/in.tar.gz", b"2", -1),
        (b"/lists/1.dcm", None, -1),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet", "binary", "orc"])
def test_members_have_any_name(kind: str, tmp_path: Path) -> None:
    members = [*MEMBERS, b""]
    out, name = io.BytesIO(), "/lists/a.parquet"
    if kind == "csv":
        text, name = io.StringIO(newline=""), "/lists/a.csv"
        rows = (("a.ZIP", member.decode(errors="surrogateescape")) for member in members)
        csv.writer(text).writerows([("path", "Member"), *rows])
        out.write(text.getvalue().encode(errors="surrogateescape"))
    else:
        column = pa.array(members, pa.binary())
        if kind == "orc":
            name = "/lists/a.orc"
        elif kind == "parquet":
            column = pa.array([member or None for member in members[:3]] + [None], pa.string())
            members = [*members[:3], b""]
        table = pa.table({"member": column, "name": ["a.ZIP"] * len(members)})
        (orc.write_table if kind == "orc" else pq.write_table)(table, out)
    assert [entry.member or b"" for entry in entries(out.getvalue(), name)] == members


@pytest.mark.parametrize("uri", ["s3://b/DOE^JANE.dcm", "DOE^JANE.zip/", "."])
def test_nothing_else_has_members(uri: str) -> None:
    with pytest.raises(ManifestError) as caught:
        entries(f"uri,member\ns3://b/a.zip,1\n{uri},DOE\n".encode())
    assert str(caught.value).startswith("line 3, column member: the row names no zip or tar") and "DOE" not in str(caught.value)


def test_a_column_of_numbers_is_none_of_members() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"name": ["a.zip"], "member": [1]}), out)
    with pytest.raises(ManifestError, match="column member: values of another type"):
        entries(out.getvalue(), "a.parquet")


def test_rows_of_one_container_that_follow_each_other_are_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    found = entries(
        b"uri,member,version\n/a.zip,1,\n/a.zip,2,\n/a.zip,2,\n/b.zip,1,\n/a.zip,3,\n/a.zip,,\n/a.zip,4,x\n/a.zip,5,y\n"
    )
    assert [(entry.uri, members) for entry, members in by_container(found)] == [
        (b"/a.zip", (b"1", b"2", b"2")),
        (b"/b.zip", (b"1",)),
        (b"/a.zip", (b"3",)),
        (b"/a.zip", None),
        (b"/a.zip", (b"4",)),
        (b"/a.zip", (b"5",)),
    ]
    monkeypatch.setattr(grouping, "MOST_MEMBERS", 2)
    assert [members for _, members in by_container(found[:3])] == [(b"1", b"2"), (b"2",)]


def test_the_archive_lists_containers_with_the_members_that_are_meant(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    (tmp_path / "m.csv").write_bytes(b"name,member\na.zip,1\na.zip,\xff\na.zip,\n")
    archive = StoredArchive()
    refs = list(archive.preview((3, str(tmp_path / "m.csv"))))
    assert [(ref.source, ref.size, ref.input, ref.members) for ref in refs] == [
        (b"3:a.zip", 2, 3, (b"1", b"\xff")),
        (b"3:a.zip", 2, 3, None),
    ]
    assert len(list(archive.names((3, str(tmp_path / "m.csv"))))) == 3
