"""Manifests as text and CSV: what people write by hand or let `find` and `gsutil ls` write, and exports of tables."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.manifests import ManifestEntry, ManifestError, read_manifest
from tests.support.running import budget

PLANTED = "DOE^JOHN"


def entries(content: bytes | str, name: str = "/lists/a.txt", schema: tuple[str, ...] = ()) -> list[ManifestEntry]:
    content = content.encode() if isinstance(content, str) else content
    return list(read_manifest(io.BytesIO(content), name, schema))


def table(content: bytes | str, name: str = "/lists/a.csv", schema: tuple[str, ...] = ()) -> list[ManifestEntry]:
    return entries(content, name, schema)


def error_of(read: Callable[[], object]) -> str:
    with pytest.raises(ManifestError) as caught:
        read()
    message = str(caught.value)
    assert PLANTED not in message and "DOE" not in message
    # nor is it in what a traceback shows
    assert caught.value.__cause__ is None
    return message


def test_names_in_lines() -> None:
    text = b'\xef\xbb\xbf# archive\r\ngs://b/x/1.dcm\r\n\r\n/a/b c.dcm \n./rel/\xff,\t"2".dcm\n   \n.//x\n./#y\ns3://b/z\nlast'
    assert entries(text) == [
        (b"gs://b/x/1.dcm", b"gs://b/x/1.dcm", -1, "", None),
        (b"/a/b c.dcm ", b"/a/b c.dcm ", -1, "", None),
        (b'/lists/rel/\xff,\t"2".dcm', b'rel/\xff,\t"2".dcm', -1, "", None),
        (b"/lists/x", b"x", -1, "", None),
        (b"/lists/#y", b"#y", -1, "", None),
        (b"s3://b/z", b"s3://b/z", -1, "", None),
        (b"/lists/last", b"last", -1, "", None),
    ]


def test_nothing_is_listed() -> None:
    assert entries(b"") == entries(b"\n# nothing\n") == entries(b"\xef\xbb\xbf") == []
    assert table(b"") == table(b"\n\n") == table(b"uri,size\n") == table(b"", schema=("Bucket", "Key")) == []
    assert table(gzip.compress(b""), "a.csv.gz") == []


def test_what_find_says_of_folders_is_left_out() -> None:
    assert [entry.source for entry in entries(".\n./\n./a/\ngs://b/x/\n./a/b\n")] == [b"a/b"]
    # an object that is called like a folder, but holds something
    assert [entry.source for entry in table("uri,size\ngs://b/x/,0\ngs://b/y/,\ngs://b/z/,7\n")] == [b"gs://b/z/"]


@pytest.mark.parametrize(
    ("line", "uri", "version"),
    [
        (b"gs://b/x#1712345678901234", b"gs://b/x", "1712345678901234"),
        (b"gs://b/x#1#2", b"gs://b/x#1", "2"),
        (b"gs://b/x#1a", b"gs://b/x#1a", ""),
        (b"gs://b/x#0", b"gs://b/x#0", ""),
        (b"s3://b/x#1712345678901234", b"s3://b/x#1712345678901234", ""),
        (b"/a/x#17", b"/a/x#17", ""),
    ],
)
def test_generations_as_gsutil_shows_them(line: bytes, uri: bytes, version: str) -> None:
    assert entries(line) == [(uri, line, -1, version, None)]


def test_relative_names_belong_to_the_folder_of_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert entries("x/1", "list.txt") == [(os.fsencode(tmp_path / "x" / "1"), b"x/1", -1, "", None)]
    assert entries("../x", "/lists/a.txt") == [(b"/lists/../x", b"../x", -1, "", None)]
    assert entries("./x/1", "gs://b/lists/a.txt") == [(b"gs://b/lists/x/1", b"x/1", -1, "", None)]
    assert table("name,size\nx/1,3\n", "s3://b/a.csv") == [(b"s3://b/x/1", b"x/1", 3, "", None)]


def test_a_manifest_beside_an_archive_gives_the_sources_of_the_folder(tmp_path: Path) -> None:
    for name in (b"a/1.dcm", b"a/b/\xff.dcm"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").close()
    (tmp_path / "list.txt").write_bytes(b"./a/1.dcm\n./a/b/\xff.dcm\n")
    with open(tmp_path / "list.txt", "rb") as stream:
        found = list(read_manifest(stream, str(tmp_path / "list.txt")))
    assert all(os.path.exists(entry.uri) for entry in found)
    assert [entry.source for entry in found] == [os.path.relpath(entry.uri, os.fsencode(tmp_path)) for entry in found]


@pytest.mark.parametrize("text", ["gs://DOE^JOHN", "s3:///DOE^JOHN", "x://DOE^JOHN"])
def test_uris_of_no_object(text: str) -> None:
    assert error_of(lambda: entries("\n" + text)) == "line 2: a URI without an object's name"
    assert error_of(lambda: table(f"size,URL\n1,{text}\n")) == "line 2, column url: a URI without an object's name"


def test_texts_that_are_none() -> None:
    nul = "a NUL byte, which no name has; UTF-8 is needed, not UTF-16"
    assert error_of(lambda: entries(PLANTED.encode("utf-16"))) == f"line 1: {nul}"
    assert error_of(lambda: table(f"name\n{PLANTED}\0\n")) == f"line 2: {nul}"
    assert error_of(lambda: entries("a\n" + PLANTED * 200_000)) == "line 2: it is longer than any name"
    assert error_of(lambda: entries(b"gs://b/DOE^JOHN\xff")) == "line 1: a URI that isn't UTF-8"
    assert error_of(lambda: entries(b"DOE^JOHN\xff", "gs://b/a.txt")) == "line 1: a URI that isn't UTF-8"


def test_a_table_of_uris() -> None:
    text = 'URI;Content_Length;Generation;note\ngs://b/1;5;17;"a\nb"\n\n/a/2;;;\ngs://b/3; 7 ;;x\n'
    assert table(text) == [
        (b"gs://b/1", b"gs://b/1", 5, "17", None),
        (b"/a/2", b"/a/2", -1, "", None),
        (b"gs://b/3", b"gs://b/3", 7, "", None),
    ]
    tabs = "\ufeffObject Name\tis-latest\r\nx,1\tTRUE\r\nx;2\tfalse\r\n"
    assert table(tabs) == [(b"/lists/x,1", b"x,1", -1, "", None)]
    assert table("file\na b\n") == [(b"/lists/a b", b"a b", -1, "", None)]
    # the uri is what counts, and a size alone is enough, or a version
    assert table("bucket,name,uri\nb,n,gs://c/m\n") == [(b"gs://c/m", b"gs://c/m", -1, "", None)]


def test_a_report_of_google_cloud_storage() -> None:
    text = (
        "project,bucket,name,size,timeCreated,timeDeleted,etag,generation\n"
        "12,b,a/1 +%41.dcm,524,2024-01-01T00:00:00Z,,CJ/x=,1712345678901234\n"
        "12,b,a/2.dcm,524,2024-01-01T00:00:00Z,2024-02-01T00:00:00Z,CJ/y=,1712345678901235\n"
        "12,b,a/,0,2024-01-01T00:00:00Z,,CJ/z=,1712345678901236\n"
    )
    uri = b"gs://b/a/1 +%41.dcm"
    assert table(text) == [(uri, uri, 524, "1712345678901234", None)]


S3 = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag", "StorageClass")
S3_ROWS = (
    '"b","a/1%2B+%C3%A9.dcm","v1","true","false","524","2024-01-01T00:00:00.000Z","9f86d0","STANDARD"\n'
    '"b","a/1.dcm","v0","false","false","524","2023-01-01T00:00:00.000Z","9f86d1","STANDARD"\n'
    '"b","a/2.dcm","v0","true","true","","2023-01-01T00:00:00.000Z","","STANDARD"\n'
    '"b","a/","v0","true","false","0","2023-01-01T00:00:00.000Z","d41d8c","STANDARD"\n'
)


def test_an_inventory_of_s3() -> None:
    uri = "s3://b/a/1+ é.dcm".encode()
    expected = [(uri, uri, 524, "9f86d0", None)]
    packed = gzip.compress(S3_ROWS.encode())
    assert table(packed, "s3://i/data/x.csv.gz", S3) == expected
    # as it comes when joined from several, and with a header against what was said
    assert table(packed + packed, "s3://i/data/x.csv.gz", S3) == expected * 2
    assert table(",".join(S3) + "\n" + S3_ROWS, schema=S3) == table(",".join(S3) + "\n" + S3_ROWS) == expected


def test_keys_that_nobody_encoded_are_no_keys_of_an_inventory() -> None:
    for key in ("DOE^JOHN 1", "DOE^JOHNé", "DOE^JOHN%zz"):
        assert "line 2, column key: it isn't URL-encoded" in error_of(lambda key=key: table(f"bucket,key\nb,{key}\n"))
    nul = error_of(lambda: table("bucket,key\nb,DOE^JOHN%00\n"))
    assert nul == "line 2, column key: a NUL byte, which no name has"
    assert error_of(lambda: table("bucket,key\nb,DOE^JOHN%FF\n")) == "line 2, column key: a URI that isn't UTF-8"


def test_versions_are_what_the_stores_compare() -> None:
    header = "uri,version,generation,e_tag,versionid\n"
    assert [entry.version for entry in table(header + 'gs://b/1,,17,x,y\ns3://b/2,,17,"""x""",y\n/a/3,,17,x,y\n')] == [
        "17",
        "x",
        "",
    ]
    assert [entry.version for entry in table(header + "gs://b/1,5,17,,\ns3://b/2,v,,x,\n/a/3,99,,,\n")] == ["5", "v", "99"]
    assert error_of(lambda: table("uri,version\ngs://b/1,DOE\n")) == "line 2, column version: no generation"
    assert error_of(lambda: table("uri,generation\n\ngs://b/1,0\n")) == "line 3, column generation: no generation"
    assert "column etag" in error_of(lambda: table("uri,etag\ns3://b/1,DOEé\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gs://b/DOE^JOHN,5\n", "line 1: no column is one of uri, url, .* a header is needed; the first line looks like a name"),
        ("\nDOE^JOHN|size\n", "line 2: no column is one of .* a header is needed"),
        ("name,NAME\n", "line 1: the columns name and name hold the same: which one is meant\\?"),
        ("path,key\n", "line 1: the columns path and key hold the same"),
        ("uri,size,bytes\n", "line 1: the columns size and bytes hold the same"),
        ("bucket,path\n", "line 1: beside a column of buckets names are needed"),
        ("uri,size\ngs://b/1,5\ngs://b/DOE,JOHN,6\n", "line 3: as many cells as there are columns are needed"),
        ("uri,size\ngs://b/DOE\n", "line 2: as many cells as there are columns are needed"),
        ("uri,size\ngs://b/1,DOE^JOHN\n", "line 2, column size: no number of bytes"),
        ("uri,size\ngs://b/1,-5\n", "line 2, column size: no number of bytes"),
        ("uri,size\ngs://b/1,9223372036854775808\n", "line 2, column size: no number of bytes"),
        ("uri,size\ngs://b/1,٣\n", "line 2, column size: no number of bytes"),
        ("uri,size\n,5\n", "line 2, column uri: it is empty"),
        ("bucket,name\n,DOE^JOHN\n", "line 2, column bucket: no bucket's name"),
        ("bucket,name\nDOE/JOHN,x\n", "line 2, column bucket: no bucket's name"),
        ("uri,islatest\ngs://b/1,DOE^JOHN\n", "line 2, column islatest: neither true nor false"),
        ("uri,timeDeleted\ngs://b/1,DOE^JOHN\n", "line 2, column timedeleted: no time"),
        ('uri,size\n"gs://b/1"DOE,5\n', "line 2: broken quotation marks or line"),
        ('uri,size\ngs://b/1,5\n"gs://b/DOE^JOHN,5\ngs://b/2,5\n', "line 3: broken quotation marks or line"),
        ("uri,size\ngs://b/DOE\r1,5\n", "line 2: broken quotation marks or line"),
    ],
)
def test_tables_that_cant_be_used(text: str, message: str) -> None:
    assert re.match(message, error_of(lambda: table(text)))


def test_a_quote_without_an_end_doesnt_swallow_the_file() -> None:
    rows = "".join(f"gs://b/{PLANTED}{number},5\n" for number in range(20_000))
    stream = io.BytesIO(f'uri,size\ngs://b/0,5\n"{rows}'.encode())
    assert error_of(lambda: list(read_manifest(stream, "a.csv"))) == "line 3: broken quotation marks or line"
    assert stream.tell() < len(rows) // 2


def test_compressed_tables_that_end_too_early() -> None:
    packed = gzip.compress("".join(["uri\n", *(f"gs://b/{PLANTED}{n**5}\n" for n in range(9000))]).encode())
    reader = read_manifest(io.BytesIO(packed[:-9]), "a.csv.gz")
    read = []
    message = error_of(lambda: read.extend(reader))  # type: ignore[func-returns-value]
    assert re.fullmatch(r"after line \d{4,}: the compressed file is broken, or not whole", message)
    broken = packed[:300] + bytes(byte ^ 255 for byte in packed[300:400]) + packed[400:]
    assert "compressed" in error_of(lambda: table(broken, "a.csv.gz"))
    assert "compressed" in error_of(lambda: table(b"uri\ngs://b/DOE^JOHN\n", "a.csv.gz"))
    assert "compressed" in error_of(lambda: table(packed + b"junk", "a.csv.gz"))


def test_what_the_storage_raises_goes_through() -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise ConnectionError("gone")

        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionError("gone")

    for name in ("a.txt", "a.csv", "a.csv.gz", "a.parquet", "a.orc"):
        with pytest.raises(ConnectionError):
            list(read_manifest(Broken(b"x" * 1000), name))


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.csv.gz"])
def test_memory_doesnt_grow_with_the_names(name: str, tmp_path: Path) -> None:
    count = 80_000 if name == "a.txt" else 30_000
    with (gzip.open if name.endswith(".gz") else open)(tmp_path / name, "wb") as file:
        file.write(b"# uri\n" if name == "a.txt" else b"uri,size\n")
        ending = b"" if name == "a.txt" else b",7"
        file.writelines(b"gs://bucket/study-%d/instance-%d.dcm%b\n" % (number // 100, number, ending) for number in range(count))
    with open(tmp_path / name, "rb") as stream:
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_manifest(stream, name)) == count
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1 << 20


#: a cell that is a URI itself would not be joined with the bucket
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=30).filter(
    lambda name: "://" not in name
)


@budget(200)
@given(names=st.lists(NAMES, min_size=1, max_size=8), delimiter=st.sampled_from(",;\t"), quoting=st.sampled_from([0, 1]))
def test_names_of_any_characters_come_through_csv(names: list[str], delimiter: str, quoting: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")  # type: ignore[arg-type]
    writer.writerow(["Size", "Bucket", "Name"])
    for number, name in enumerate(names):
        writer.writerow([number + 1, "b", name])
    assert [(entry.uri, entry.size) for entry in table(text.getvalue())] == [
        (f"gs://b/{name}".encode(), number + 1) for number, name in enumerate(names)
    ]


@budget(200)
@given(names=st.lists(st.binary(min_size=1, max_size=30), max_size=8))
def test_file_names_of_any_bytes_come_through_text(names: list[bytes]) -> None:
    usable = [b"d/" + re.sub(rb"[\0\n]", b"", name) + b"x" for name in names]
    ends = (b"\n", b"\r\n")
    text = b"".join(name + ends[number % 2] for number, name in enumerate(usable))
    assert [entry.source for entry in entries(text)] == usable


@budget(300)
@given(content=st.binary(max_size=300), name=st.sampled_from(["a.txt", "a.csv", "a.csv.gz", "a.parquet", "a.orc"]))
def test_no_bytes_raise_anything_else(content: bytes, name: str) -> None:
    for start in (b"", b"uri,size\n", b'bucket,key,size,etag\n"b",'):
        try:
            for entry in read_manifest(io.BytesIO(start + content), name):
                assert entry.uri and b"\0" not in entry.uri
        except ManifestError:
            pass
