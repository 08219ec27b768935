"""What a killed run leaves, and what it is worth to the next: plain functions."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path

import msgpack
import pytest

from anonymizer import AttributeAction, Key, Reason
from anonymizer.internals import SEAL_SIZE, Engine
from profiles import ConfidentialityProfile
from storage import Folder
from storage.objects import Member, ObjectRef, Packing, Written
from tests.support.keys import KEY, OTHER_KEY_TEXT
from tests.support.sealed import engine_config
from transforms import EngineConfig, Ledger, ledger_file
from transforms.earlier_runs.earlier_work import Compared, EarlierWork, by_shard, shard_of
from transforms.ledger import KnownGroup, KnownHeader, LedgerWriter, boot_id, is_lasting, pack_entries, unpack_entries
from transforms.records import AuditRow, HeaderGroup, InstanceHeader, SharedFindings, Status
from transforms.source_ids import ListedSource, SourceHasher

RUN = "0123abcd"
STUDY = b"s" * 32
SHARED = SharedFindings(((b"u" * 32, b"2.25.1", 1),))


@pytest.fixture(scope="module")
def sources() -> SourceHasher:
    return SourceHasher(Engine(ConfidentialityProfile(), Key(KEY)))


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> EngineConfig:
    return engine_config(monkeypatch)


def ref(name: str, version: str = "v", size: int = 5) -> ObjectRef:
    return ObjectRef(b"/in/" + name.encode(), name.encode(), size, version)


def member(name: str, container: str = "c.tar", version: str = "v") -> ObjectRef:
    source = f"{container}!/{name}".encode()
    return ObjectRef(b"/in/c.tar", source, 5, version, Member(Packing.TAR.value, 0, 5, -1, len(container))[:])


def row(source: ListedSource, status: Status = Status.WRITTEN, *, study: str = "73" * 8) -> AuditRow:
    return AuditRow(
        source.source_id,
        status,
        output_name="a/b/c.dcm",
        size=7,
        crc32c="0000002a",
        source_version=source.version,
        container_id=source.container_id,
        study_hash=study,
        scanned=bool(study),
    )


def group(*known: ListedSource) -> KnownGroup:
    headers = [KnownHeader(one.source_id, one.version, one.container_id, b"i" * 32, b"2.25.9") for one in known]
    return KnownGroup(STUDY, SHARED, headers)


def finished_group() -> HeaderGroup:
    """An object that a run was done with: nobody reads it again."""
    return HeaderGroup(STUDY, SHARED, [InstanceHeader(ObjectRef(b"", b"", -1, ""), b"", b"i" * 32, b"2.25.9")])


class Output:
    """An output that has one object, or had it."""

    def __init__(self, *, there: bool = True, changed: float = 1.0) -> None:
        self._there, self._changed = there, changed

    def is_there(self, name: str, size: int) -> bool:
        return self._there and (name, size) == ("a/b/c.dcm", 7)

    def is_whole(self, name: str, written: Written, since: float) -> bool:
        return self.is_there(name, written.size) and written.crc32c == 42 and self._changed <= since


def compared(known: bytes, refs: list[ObjectRef], sources: SourceHasher, output: Output | None = None) -> Compared:
    return EarlierWork((known,)).compare([(one, sources.of(one)) for one in refs], output or Output(changed=0.0))


def test_a_source_is_told_by_its_name_and_its_version_by_size_and_time(sources: SourceHasher) -> None:
    one = sources.of(ref("a"))
    assert one == sources.of(ref("a")) and one.container_id == ""
    assert one.source_id == sources.of(ref("a", "w")).source_id != sources.of(ref("b")).source_id
    assert len({sources.of(other).version for other in (ref("a"), ref("a", "w"), ref("a", size=6))}) == 3
    assert sources.of(ref("a", "")).version == sources.of(ref("a", size=-1)).version == ""


def test_a_member_has_the_version_of_its_container(sources: SourceHasher) -> None:
    one, other = sources.of(member("a")), sources.of(member("b"))
    container = ref("c.tar", size=-1)
    assert one.container_id == other.container_id == sources.source_id(b"c.tar")
    assert one.version == other.version == sources.version_of_container(container)
    assert sources.of(member("a", version="w")).version != one.version
    assert sources.of(member("a", "d.tar"))[::2] != one[::2]
    assert one.listed_as == one.container_id and sources.of(ref("a")).listed_as == sources.of(ref("a")).source_id


def test_entries_come_back_as_they_were(sources: SourceHasher) -> None:
    done = row(sources.of(ref("a")))._replace(actions=(AttributeAction("(0008,0020)", "StudyDate", "Z", 1),), notes=("x",))
    rows = [done, done, AuditRow("b", Status.QUARANTINED, Reason.TRUNCATED, "(7fe0,0010)")]
    groups = [group(sources.of(ref("a")))]
    found_groups, found_rows, since = unpack_entries(pack_entries(groups, rows, 7.5))
    assert since == 7.5
    assert (found_groups, found_rows) == (groups, rows)
    assert type(found_groups[0].headers[0]) is KnownHeader and type(found_groups[0].shared) is SharedFindings
    assert found_rows[0].actions is found_rows[1].actions


def test_what_was_finished_is_taken_up_and_what_was_scanned_is_not_scanned_again(sources: SourceHasher) -> None:
    refs = [ref(name) for name in "abcd"]
    a, b, c, _ = map(sources.of, refs)
    rejected = row(c, Status.QUARANTINED, study="")
    found = compared(pack_entries([group(a, b)], [row(a), rejected]), refs, sources)
    assert found.refused == []
    assert found.rows == [row(a), rejected]
    assert found.finished == [finished_group()]
    header = InstanceHeader(refs[1], bytes.fromhex(b.source_id), b"i" * 32, b"2.25.9")
    assert found.scanned == [HeaderGroup(STUDY, SHARED, [header])]
    assert found.to_do == [refs[3]]


@pytest.mark.parametrize("status", Status)
def test_what_was_refused_is_not_taken_for_written(sources: SourceHasher, status: Status) -> None:
    """Whoever has its SOPInstanceUID is no duplicate of it: an output that a killed run left is that one's own."""
    known = sources.of(ref("a"))
    found = compared(pack_entries([group(known)], [row(known, status)]), [ref("a")], sources)
    groups = [finished_group()]
    is_there = status in (Status.WRITTEN, Status.DUPLICATE)
    assert (found.finished, found.refused) == ((groups, []) if is_there else ([], groups))


@pytest.mark.parametrize(
    "now", [ref("a", "another"), ref("a", size=4), ref("a", ""), ref("b")], ids=["time", "size", "unknown version", "name"]
)
def test_what_is_another_object_now_is_done_anew(now: ObjectRef, sources: SourceHasher) -> None:
    known = sources.of(ref("a"))
    found = compared(pack_entries([group(known)], [row(known)]), [now], sources)
    # and it says what it was written as
    earlier = ("a/b/c.dcm", 7, "0000002a", True, "", False) if now.source == b"a" else None
    assert found.to_do == [now._replace(earlier=earlier)] and not any(found[1:])


def test_a_version_that_nobody_knows_is_that_of_no_other(sources: SourceHasher) -> None:
    unknown = ref("a", "")
    source = sources.of(unknown)
    (found,) = compared(pack_entries([group(source)], [row(source)]), [unknown], sources).to_do
    assert found._replace(earlier=None) == unknown


def test_what_is_not_in_the_output_any_more_is_written_again(sources: SourceHasher) -> None:
    known = sources.of(ref("a"))
    found = compared(pack_entries([group(known)], [row(known)]), [ref("a")], sources, Output(there=False))
    assert not found.rows and len(found.scanned) == 1


def test_what_was_torn_is_made_anew_and_says_what_it_was(sources: SourceHasher) -> None:
    """Whether the objects of a ledger are whole is asked in shards and containers, by the time at which they were on the disk."""
    known, inside = sources.of(ref("a")), sources.of(member("m"))
    entries = pack_entries([group(known, inside)], [row(known), row(inside)], 5.0)
    for changed, done in ((4.0, 2), (6.0, 0)):
        earlier = EarlierWork((entries,))
        found = [earlier.compare([(ref("a"), known)], Output(changed=changed))]
        of_container = EarlierWork.unpacked(earlier.of_containers()[inside.container_id].packed())
        found.append(of_container.compare([(member("m"), inside)], Output(changed=changed)))
        assert sum(len(one.rows) for one in found) == done
        refs = [header.ref for one in found for scanned in one.scanned for header in scanned.headers]
        assert [one.earlier for one in refs] == [("a/b/c.dcm", 7, "0000002a", False, "", False)] * (2 - done)


def test_pass_2_counts_only_with_pass_1(sources: SourceHasher) -> None:
    assert compared(pack_entries([], [row(sources.of(ref("a")))]), [ref("a")], sources).to_do == [ref("a")]


def test_what_may_pass_is_tried_again() -> None:
    for reason in (Reason.UNREADABLE, Reason.OUTPUT_UNWRITABLE, Reason.CHANGED_DURING_RUN):
        assert not is_lasting(AuditRow("a", Status.QUARANTINED, reason))
    assert is_lasting(AuditRow("a", Status.QUARANTINED, Reason.TRUNCATED)) and is_lasting(AuditRow("a", Status.WRITTEN))


@pytest.mark.parametrize("shards", [1, 7])
def test_entries_are_where_what_was_listed_is(shards: int, sources: SourceHasher) -> None:
    refs = [*(ref(f"{number}") for number in range(20)), *(member(f"{number}") for number in range(20))]
    known = [sources.of(one) for one in refs]
    found = dict(by_shard(pack_entries([group(*known)], [row(source) for source in known]), shards))
    assert (shards == 1) == (len(found) == 1)
    for shard, entries in found.items():
        groups, rows, _ = unpack_entries(entries)
        assert {shard_of(header.listed_as, shards) for one in groups for header in one.headers} == {shard}
        assert len(rows) == sum(len(one.headers) for one in groups)
    # a container's members are all in one, and found there by their container
    container = sources.source_id(b"c.tar")
    of_containers = EarlierWork((found[shard_of(container, shards)],)).of_containers()
    assert set(of_containers) == {container}
    earlier = EarlierWork.unpacked(of_containers[container].packed())
    assert len(earlier.compare([(one, sources.of(one)) for one in refs[20:]], Output(changed=0.0)).rows) == 20


def test_the_more_is_done_the_more_is_written_down_at_once(tmp_path: Path, sources: SourceHasher, config: EngineConfig) -> None:
    writer = LedgerWriter(Ledger(Folder(str(tmp_path)), RUN, "so", config))
    written = 0
    for number in range(3000):
        writer.add_rows([row(sources.of(ref(f"{number}")))])
        found = [ledger_file(path.name) for path in tmp_path.iterdir()]
        written = sum(file.objects for file in found if file)
        assert number + 1 - written < max(32, (number + 1) // 16)
    assert len(list(tmp_path.iterdir())) < 100
    writer.end_bundle()
    files = [ledger_file(path.name) for path in tmp_path.iterdir()]
    assert sum(file.objects for file in files if file) == 3000
    assert {file.run_id for file in files if file} == {RUN}


def test_a_ledger_of_another_making_or_a_broken_one_says_nothing(
    tmp_path: Path, sources: SourceHasher, config: EngineConfig
) -> None:
    folder = Folder(str(tmp_path))
    ledger = Ledger(folder, RUN, "so", config)
    ledger.write([], [row(sources.of(ref("a")))])
    (name,) = (path.name for path in tmp_path.iterdir())
    assert len(unpack_entries(ledger.read(name))[1]) == 1
    assert unpack_entries(Ledger(folder, RUN, "otherwise", config).read(name))[:2] == ([], [])
    content = (tmp_path / name).read_bytes()
    seal = config.seal()
    whole = content[SEAL_SIZE:]
    assert content == seal.code(name, whole) + whole
    form, made_with, booted, entries = msgpack.unpackb(whole)
    of_another_form = msgpack.packb((form + 1, made_with, booted, entries))
    for broken in (
        *(b"", b"x" * 9, content[:-5], content[:10], content[:SEAL_SIZE], bytes(SEAL_SIZE) + whole),
        *(content[:-1] + bytes([content[-1] ^ 1]), content[:SEAL_SIZE] + of_another_form),
        seal.code(name, of_another_form) + of_another_form,
    ):
        (tmp_path / name).write_bytes(broken)
        assert unpack_entries(ledger.read(name))[:2] == ([], [])
    (tmp_path / name).unlink()
    assert unpack_entries(ledger.read(name))[:2] == ([], [])


def test_after_a_power_cut_a_ledger_is_believed_but_what_it_tells_of_is_looked_at(
    tmp_path: Path, sources: SourceHasher, config: EngineConfig
) -> None:
    before = time.time()
    ledger = Ledger(Folder(str(tmp_path)), RUN, "so", config)
    ledger.write([], [row(sources.of(ref("a")))])
    (path,) = tmp_path.iterdir()
    assert before <= unpack_entries(ledger.read(path.name)).since <= time.time()
    form, made_with, booted, entries = msgpack.unpackb(path.read_bytes()[SEAL_SIZE:])
    assert booted == boot_id() != ""
    other = msgpack.packb((form, made_with, "of another time", entries))
    path.write_bytes(config.seal().code(path.name, other) + other)
    found = unpack_entries(ledger.read(path.name))
    assert (len(found.rows), found.since) == (1, 0.0)


def test_a_ledger_under_another_name_or_by_another_key_says_nothing(
    tmp_path: Path, sources: SourceHasher, config: EngineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(Folder(str(tmp_path)), RUN, "so", config)
    ledger.write([], [row(sources.of(ref("a")))])
    (path,) = tmp_path.iterdir()
    renamed = path.with_name(path.name.replace(RUN, "89abcdef"))
    renamed.write_bytes(path.read_bytes())
    assert unpack_entries(ledger.read(renamed.name))[:2] == ([], [])
    other = Ledger(Folder(str(tmp_path)), RUN, "so", engine_config(monkeypatch, OTHER_KEY_TEXT))
    assert unpack_entries(other.read(path.name))[:2] == ([], [])
    assert len(unpack_entries(ledger.read(path.name))[1]) == 1


def test_other_files_are_no_ledgers() -> None:
    name = f"ledger-{RUN}-0123456789abcdef-45.bin"
    assert ledger_file(name) == (name, RUN, 45)
    for other in (
        *(name.replace("-45", "-x"), name.replace("-45", ""), name.replace("-45", "--1"), name.replace(".bin", ".parquet")),
        *("run.json", f"ledger-{RUN}.bin", f"instances-{RUN}-0123456789abcdef.parquet", f"{name}\n", f"../{name}", f"x/{name}"),
        *(name.replace(RUN, run_id) for run_id in ("run", "", "..", "0123/bcd", "0123ABCD", "0" * 33)),
        *(name.replace("0123456789abcdef", part) for part in ("0123", "..", "0123456789abcdeg")),
    ):
        assert ledger_file(other) is None, other


def test_who_works_does_not_wait_for_the_disk_and_the_ledger_does(
    tmp_path: Path, sources: SourceHasher, config: EngineConfig
) -> None:
    syncs: list[Future[None]] = []

    def sync() -> Future[None]:
        syncs.append(Future())
        return syncs[-1]

    writer = LedgerWriter(Ledger(Folder(str(tmp_path)), RUN, "so", config), sync=sync)
    rows = [row(sources.of(ref(f"{number}"))) for number in range(80)]
    for one in rows:
        writer.add_rows([one])
    # two files' worth, neither of which is on the disk
    assert len(syncs) == 2 and writer.take() == [] and not list(tmp_path.iterdir())
    syncs[0].set_result(None)
    assert writer.take() == rows[:32] and len(list(tmp_path.iterdir())) == 1
    syncs[1].set_exception(OSError("the disk"))
    with pytest.raises(OSError, match="the disk"):
        writer.take()
    assert len(list(tmp_path.iterdir())) == 1
