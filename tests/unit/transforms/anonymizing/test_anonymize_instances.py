from __future__ import annotations

import dataclasses
import pickle

import pytest

from anonymizer import AttributeAction, DeidentificationError, Key, Reason, SecretError
from anonymizer.internals import KeyedUids
from profiles import ConfidentialityProfile
from storage import Member, Packing, TransientError, retry_transient
from storage.objects import ObjectRef
from tests.support.accounts import CONSTANTS
from tests.support.keys import KEY, KEY_TEXT, OTHER_KEY_TEXT
from transforms import EngineConfig, add_up, sum_of_sources
from transforms.anonymizing.mapped_uids import MappedUids
from transforms.anonymizing.output_names import output_name
from transforms.audit.audit_tables import instances_table, uid_map_table
from transforms.concurrency import reading_order
from transforms.inputs.list_objects import batches
from transforms.records import OWNED, AuditRow, SharedFindings, Status, UidRole, UidUse
from transforms.rejection import rejection
from transforms.scanning.scan_headers import HeaderGrouper, ScannedHeader, UidCollector
from transforms.source_ids import ListedSource
from transforms.tables.schemas import INSTANCES_SCHEMA


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> EngineConfig:
    monkeypatch.setenv("DEID_TEST_KEY", KEY_TEXT)
    return EngineConfig(ConfidentialityProfile(), "env:DEID_TEST_KEY", Key(KEY).key_id)


def test_objects_are_named_by_study_series_and_instance() -> None:
    assert output_name("2.25.1", "2.25.2", "2.25.3") == "2.25.1/2.25.2/2.25.3.dcm"
    assert output_name("", "", "2.25.3") == "no-study/no-series/2.25.3.dcm"


@pytest.mark.parametrize("uid", ["..", ".", "../x", "1/2", "1.2\n", "1.2 ", "1" * 65, "é", "Doe^Jane"])
def test_nothing_but_a_uid_becomes_a_path(uid: str) -> None:
    for names in ((uid, "1.2", "1.2"), ("1.2", uid, "1.2"), ("1.2", "1.2", uid)):
        with pytest.raises(DeidentificationError) as error:
            output_name(*names)
        assert error.value.reason is Reason.INVALID_UID


def test_pass_2_never_guesses_a_uid(config: EngineConfig) -> None:
    engine = config.engine()
    uids = MappedUids(engine, {engine.uids.hash(b"1.2.3"): b"2.25.7", engine.uids.hash(b"1.2.5"): b""})
    assert uids.new_uid(b"1.2.3", 0x00080018) == b"2.25.7"
    for unknown in (b"1.2.4", b"1.2.5"):
        with pytest.raises(DeidentificationError) as error:
            uids.new_uid(unknown, 0x00080018)
        assert error.value.reason is Reason.UID_NOT_IN_MAP


def test_pass_1_collects_each_uid_with_the_first_of_its_roles(config: EngineConfig) -> None:
    engine = config.engine()
    collector = UidCollector(engine)
    new = [collector.new_uid(b"1.2.3", tag) for tag in (0x0020000D, 0x00080018, 0x00080014)]
    assert set(new) == {engine.uids.new_uid(b"1.2.3", 0)}
    assert collector.found == {b"1.2.3": (new[0], UidRole.INSTANCE)}


def test_the_key_does_not_travel_with_the_job(config: EngineConfig) -> None:
    config.engine()
    assert KEY not in pickle.dumps(config)
    with pytest.raises(TypeError):
        pickle.dumps(Key(KEY))


def test_a_worker_with_another_key_does_not_go_on(config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEID_TEST_KEY", OTHER_KEY_TEXT)
    other = Key.load("env:DEID_TEST_KEY")
    assert dataclasses.replace(config, key_id=other.key_id).engine().uids.hash(b"1") == KeyedUids(other).hash(b"1")
    with pytest.raises(SecretError, match="another key"):
        dataclasses.replace(config, scope="not cached").engine()


def test_a_refused_object_is_filtered_or_quarantined() -> None:
    ref = ObjectRef(b"n", b"s", 5, "v")
    assert rejection(ListedSource("id"), DeidentificationError(Reason.NOT_DICOM), ref).status is Status.FILTERED
    assert rejection(ListedSource("id"), DeidentificationError(Reason.DICOMDIR), ref).status is Status.FILTERED
    row = rejection(ListedSource("id"), DeidentificationError(Reason.TRUNCATED, 0x7FE00010), ref)
    assert (row.status, row.reason, row.reason_tag) == (Status.QUARANTINED, Reason.TRUNCATED, "(7fe0,0010)")


def test_every_field_of_a_row_has_a_column() -> None:
    (record,) = instances_table([AuditRow("id", Status.WRITTEN)], CONSTANTS).to_pylist()
    own = {name for name in AuditRow._fields if name not in ("input", "scanned", "before", "pixels")}
    constant = {"profile_digest", "settings_digest", "key_id", "version", "input_id", "since", "reason_keyword"}
    assert list(record) == INSTANCES_SCHEMA.names and set(record) == own | constant
    assert (record["source_id"], record["status"], record["key_id"]) == ("id", "written", "key")
    assert record["reason"] is None and record["output_name"] is None and record["size"] is None


def test_a_table_says_what_was_done_to_each_object() -> None:
    first, other = AttributeAction("(0008,0020)", "StudyDate", "Z", 1), AttributeAction("(private)", "", "X", 7)
    done = [(), (first,), (first, other), (first,), (), (AttributeAction(*first),)]
    rows = [
        AuditRow(f"{number}", Status.WRITTEN, output_name="x", size=number, actions=actions)
        for number, actions in enumerate(done)
    ]
    rows.append(AuditRow("refused", Status.QUARANTINED, Reason.TRUNCATED, "(7fe0,0010)", ("a-note",)))
    records = instances_table(rows, CONSTANTS).to_pylist()
    assert [[tuple(action.values()) for action in record["actions"]] for record in records] == [*map(list, done), []]
    assert [record["size"] for record in records] == [0, 1, 2, 3, 4, 5, None]
    assert (records[-1]["reason"], records[-1]["reason_tag"], records[-1]["notes"]) == ("truncated", "(7fe0,0010)", ["a-note"])
    assert instances_table([], CONSTANTS).to_pylist() == []


def test_a_row_says_since_when_an_object_ends_like_that() -> None:
    ends = [(None, Status.WRITTEN), (Reason.TRUNCATED, Status.QUARANTINED)]
    before = [None, ("", "earlier"), ("truncated", "earlier"), ("unreadable", "earlier")]
    rows = [AuditRow("id", status, reason, before=one) for reason, status in ends for one in before]
    since, run = instances_table(rows, CONSTANTS)["since"].to_pylist(), CONSTANTS.run_id
    assert since == [run, "earlier", run, run, run, run, "earlier", run]


def test_the_map_s_table_names_roles(config: EngineConfig) -> None:
    rows = [
        UidUse(b"a" * 32, b"", 0, [b"study  1unit 1", b"study  1unit 2"], (b"person 1study  1",)),
        UidUse(b"b" * 32, b"2.25.2", 1 | OWNED, []),
        UidUse(b"c" * 32, b"2.25.3", 3, []),
    ]
    hash_of = config.engine().uids.hash
    assert [list(row.values()) for row in uid_map_table(rows, config).to_pylist()] == [
        [b"a" * 32, None, "instance", True, [b"study  1"], [b"person 1study  1"], None],
        [b"b" * 32, "2.25.2", "series", True, [], [], hash_of(b"2.25.2")[:16]],
        [b"c" * 32, "2.25.3", "frame_of_reference", False, [], [], hash_of(b"2.25.3")[:16]],
    ]


def found(number: int, study: bytes = b"1.2", uids: tuple[bytes, ...] = (), words: tuple[bytes, ...] = ()) -> ScannedHeader:
    """What pass 1 may find."""
    shared = tuple((uid, (b"2.25." + uid, 4)) for uid in uids)
    return ScannedHeader(ObjectRef(b"n", b"%d" % number, 1, "v"), study, b"9.%d" % number, b"2.25.9", shared, b"", b"", words, 0)


def test_headers_of_a_study_share_what_is_equal_in_them(config: EngineConfig) -> None:
    engine = config.engine()
    grouper = HeaderGrouper(engine)
    scanned = [
        found(0, uids=(b"1", b"2")),
        found(1, uids=(b"1", b"2")),
        found(2, b"1.3", uids=(b"1", b"2")),
        found(3, words=(b"w" * 8,)),
    ]
    for _ in range(2):
        made = grouper.group(scanned)
        assert [(group.study, len(group.headers)) for group in made] == [
            (engine.uids.hash(b"1.2"), 2),
            (engine.uids.hash(b"1.3"), 1),
            (engine.uids.hash(b"1.2"), 1),
        ]
    shared = [group.shared for group in made]
    sealed = engine.words.seal((engine.uids.hash(b"1.2")[:16], b""), [b"w" * 8])
    hashed = tuple((engine.uids.hash(uid), b"2.25." + uid, 4) for uid in (b"1", b"2"))
    assert shared == [
        SharedFindings(hashed),
        SharedFindings(hashed),
        SharedFindings(words=sealed),
    ]
    header = made[0].headers[1]
    assert header.source_id.hex() == engine.pseudonyms.source_id(b"1")
    assert (header.instance, header.new_uid) == (engine.uids.hash(b"9.1"), b"2.25.9")


def test_batches_lose_nothing() -> None:
    refs = [ObjectRef(b"%d" % number, b"%d" % number, number, "") for number in range(70)]
    found = list(batches(refs, lambda name: name == b"33"))
    assert [len(batch) for batch in found] == [32, 1, 32, 5]
    assert {ref for batch in found for ref in batch} == set(refs)


def test_what_lies_in_one_compressed_tar_is_read_in_its_order() -> None:
    def member(name: bytes, offset: int) -> ObjectRef:
        return ObjectRef(name, b"", 1, "1", Member(Packing.TAR_STREAM.value, offset, 1))

    plain, zipped = ObjectRef(b"x", b"", 1, ""), ObjectRef(b"z", b"", 1, "1", Member(Packing.ZIP_STORED.value, 5, 1))
    refs = [member(b"a", 9), plain, member(b"b", 1), member(b"a", 3), zipped]
    order = [[(ref.name, ref.member and ref.member[1]) for ref in refs] for refs in reading_order(refs, lambda ref: ref)]
    assert order == [[(b"x", None)], [(b"z", 5)], [(b"a", 3), (b"a", 9)], [(b"b", 1)]]


def test_bytes_that_went_wrong_are_asked_for_again_a_few_times() -> None:
    attempts: list[int] = []

    def attempt() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise TransientError
        return 7

    assert retry_transient(attempt) == 7
    with pytest.raises(TransientError):
        retry_transient(_always_broken)
    assert rejection(ListedSource("id"), TransientError(), ObjectRef(b"n", b"s", 5, "v")).reason is Reason.CHECKSUM_MISMATCH


def _always_broken() -> None:
    raise TransientError


def test_sums_tell_collections_of_sources_apart() -> None:
    ids = [f"{number:032x}" for number in range(1000)]
    assert sum_of_sources(ids) == sum_of_sources(reversed(ids)) == add_up([sum_of_sources(ids[:10]), sum_of_sources(ids[10:])])
    assert sum_of_sources(ids) != sum_of_sources([*ids[1:], ids[1]])
    assert add_up([]) == sum_of_sources([]) == (0, bytes(16))
