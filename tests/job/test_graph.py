"""What the job asks of an engine, and what an engine gets to see: its graph as Dataflow's runner sends it, and its shuffles."""

from __future__ import annotations

import base64
import bz2
import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pyarrow as pa
import pytest
from apache_beam import coders
from apache_beam.portability.api import beam_runner_api_pb2
from pydicom import Dataset, dcmread
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import keyword_dict

from anonymizer import Key
from anonymizer.internals import Purpose
from benchmarks.recorder import Crossing, recorded
from benchmarks.shuffle import CLEANING
from pipeline.cli import main
from profiles import modalities
from tests.support.graphs import Graph, submitted
from tests.support.objects import bundled_files, read
from tests.support.runs import KEEPING
from transforms.records import HeaderGroups
from transforms.shuffle.packing import _SIZE_BYTES, decompress
from transforms.shuffle.record_coder import PackedRecordCoder, RecordCoder, TableCoder
from transforms.uid_map.uid_shards import UidShard

#: each with what it costs: each worker gets all of a side input, and what reads it waits until it is there
SIDE_INPUTS = {
    # the sizes of large studies: 244,000 at most for a billion instances; and the number of objects
    "GroupIntoWorkUnits/WithKeys": {"GroupIntoWorkUnits/Large", "SumOfSources"},
    "BuildUidMap/Shard": {"SumOfSources"},
    # numbers, one for each 4,096 instances
    "ProveUidMap/Check": {"BuildUidMap"},
    "AnonymizeInstances/Anonymize": {"ProveUidMap"},  # one True, that pass 2 waits for
    "WriteAccount/Write": {"SumOfSources", "WriteAccount/Tables"},  # one sum; one row for each table file, some thousands
}
#: Dataflow refuses a graph of more than 10 MB
MOST_BYTES = 1_500_000
#: options of Beam and lines of a table that must not be in the graph
SECRETS = {
    "--s3_secret_access_key": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "--azure_connection_string": "AccountName=a;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1",
}
#: sums of a whole collection have one key, None
SUMS_OF_ALL = {"SumOfSources/Sum"}
#: steps that combine numbers, and bytes
COMBINED = {"GroupIntoWorkUnits/Size", "ShareWords/ByStudy", "ShareWords/ByPerson", "ShareWords/Flatten"}
#: the steps with shuffles
GROUPING = {"ListObjects", "SumOfSources", "GroupIntoWorkUnits", "BuildUidMap", "ShareWords", "AnonymizeInstances"}
#: that of a run that looks for faces
GROUPING_FACES = {"JudgeFaces"}
#: and those of a run that goes on with an output
GROUPING_LATER = {"CompareWithEarlier", "SpreadToDo"}
#: looks for faces
FACES = "--faces=quarantine"
WINDOW = 16
#: how all that Zstandard compresses begins
ZSTANDARD = b"\x28\xb5\x2f\xfd"
#: how records begin, as MessagePack: by the number of their fields
RECORD = [bytes([0x90 + fields]) for fields in range(16)]
#: how Arrow's streams begin
ARROW = b"\xff\xff\xff\xff"
TABLE_ROW = "MRN-HOLMES-221,CASE-BAKER-7"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pydicom's own files of a million bytes at most, under names that say nothing."""
    folder = tmp_path_factory.mktemp("files")
    for number, path in enumerate(path for path in bundled_files() if path.stat().st_size < 1_000_000):
        (folder / f"{number}.x").write_bytes(path.read_bytes())
        # times are in shuffles: always the same, so that their digits are never by chance those of a value
        os.utime(folder / f"{number}.x", (1e9, 1e9))
    return folder


@pytest.fixture(scope="module")
def graphs(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """The graphs without an option, with all of them that add to it, and with the one that takes away."""
    folder = tmp_path_factory.mktemp("graphs")
    patients = folder / "patients.csv"
    patients.write_text(f"PatientID,NewPatientID\n{TABLE_ROW}\n")
    flags = [
        CLEANING,
        FACES,
        f"--patient-table={patients}",
        "--scope=s",
        *(f"{flag}={secret}" for flag, secret in SECRETS.items()),
    ]
    return {
        "basic": submitted(archive, folder / "basic", key_file),
        "unscreened": submitted(archive, folder / "unscreened", key_file, "--screen=off"),
        "all": submitted(archive, folder / "all", key_file, *flags),
    }


@pytest.fixture(params=["basic", "all"])
def graph(request: pytest.FixtureRequest, graphs: dict[str, Graph]) -> Graph:
    return graphs[request.param]


def is_plain(coder: coders.Coder) -> bool:
    """Whether it writes a key in one way in every language and version of Beam."""
    if isinstance(coder, coders.TupleCoder):
        return all(map(is_plain, coder.coders()))
    return isinstance(coder, coders.BytesCoder | coders.VarIntCoder | coders.StrUtf8Coder)


def test_keys_of_shuffles_are_plain(graph: Graph) -> None:
    steps = graph.steps("group_by_key", "combine_per_key", "combine_grouped_values")
    assert len(steps) > 10
    keys = {name: graph.input_coder(step).key_coder() for name, step in steps.items()}
    assert [name for name, coder in keys.items() if not coder.is_deterministic()] == []
    odd = {name for name, coder in keys.items() if not is_plain(coder)}
    assert {name.split("/CombinePerKey")[0] for name in odd} == SUMS_OF_ALL


def writes_plain_values(coder: coders.Coder) -> bool:
    """Whether it can write nothing that runs code when it is read."""
    if isinstance(coder, coders.TupleCoder):
        return all(map(writes_plain_values, coder.coders()))
    if isinstance(coder, coders.IterableCoder | coders.ListCoder):
        return all(map(writes_plain_values, coder._get_component_coders()))
    return isinstance(coder, RecordCoder | TableCoder | coders.BooleanCoder) or is_plain(coder)


def test_records_between_steps_are_never_pickled(graph: Graph) -> None:
    """Beam's own coder pickles what it doesn't know: it writes side inputs (on Dataflow) and combined values, which are plain."""
    odd = {name for name, coder in graph.output_coders().items() if not writes_plain_values(coder)}
    made = {made for sources in SIDE_INPUTS.values() for made in sources}
    rest = {name for name in odd if not any(name.startswith((f"{one}/", f"{one} ")) for one in {*made, *COMBINED})}
    assert rest == set()


def test_words_and_faces_are_shared_only_where_they_are_looked_for(graphs: dict[str, Graph]) -> None:
    grouping = {name: {step.split("/")[0] for step in graph.steps("group_by_key")} for name, graph in graphs.items()}
    assert grouping["all"] - grouping["basic"] == GROUPING_FACES
    assert grouping["basic"] - grouping["unscreened"] == {"ShareWords"}


def test_each_side_input_is_known(graph: Graph) -> None:
    assert graph.side_inputs() == SIDE_INPUTS


def test_a_bound_and_no_state_or_timer_is_asked_of_an_engine(graph: Graph) -> None:
    assert list(graph.proto.requirements) == []
    collections = graph.proto.components.pcollections.values()
    assert {found.is_bounded for found in collections} == {beam_runner_api_pb2.IsBounded.BOUNDED}


def disguises(secret: bytes) -> Iterator[bytes]:
    """A secret as it is, in hex, and what its base64 has wherever it begins."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        inner = base64.b64encode(bytes(shift) + secret)[4:-4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def test_no_secret_is_in_the_graph(graphs: dict[str, Graph], archive: Path, key_file: Path) -> None:
    graph = graphs["all"]
    pickles = graph.pickles()
    functions = [beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload).do_fn for step in graph.steps("pardo").values()]
    opened = [bz2.decompress(base64.b64decode(found.payload)) for found in functions if found.payload]
    assert len(opened) > 33
    assert set(opened) <= set(pickles)
    content = b"\0".join([graph.serialized, *pickles])
    # what must be there is found: where to look for the key, and the input
    assert str(key_file).encode() in content
    assert str(archive).encode() in content
    assert str(archive).encode() not in graph.serialized

    secret = key_file.read_bytes()
    key = Key.load(f"file:{key_file}", "s")
    hidden = [secret, *map(key.derive, Purpose), *(value.encode() for value in SECRETS.values())]
    hidden += [field.encode() for field in TABLE_ROW.split(",")]
    hidden += [str(read(path.read_bytes()).PatientName).encode() for path in bundled_files() if path.name == "CT_small.dcm"]
    assert [found for value in hidden for found in disguises(value) if found in content] == []


def test_the_graph_is_small(graphs: dict[str, Graph], archive: Path, key_file: Path, tmp_path: Path) -> None:
    assert {name: size for name, graph in graphs.items() if (size := len(graph.serialized)) > 200_000} == {}
    source = random.Random(5)
    tags = {f"({source.randrange(0x0009, 0x7001, 2):04X},10{source.randrange(256):02X})" for _ in range(500)}
    rules = tmp_path / "rules.csv"
    rules.write_text("tag,action\n" + "".join(f'"{tag}",X\n' for tag in sorted(tags)))
    # random names are hard to compress
    names = [tmp_path / "in" / f"{source.getrandbits(256):064x}" for _ in range(2000)]
    names[0].parent.mkdir()
    for name in names:
        name.touch()
    few, many = (
        len(submitted(inputs, tmp_path / str(len(inputs)), key_file, CLEANING, FACES, f"--profile={rules}").serialized)
        for inputs in (names[:1], names)
    )
    # inputs are in the graph, with about 100 bytes each; a rule takes about 40
    assert few + 10_000 * (many - few) / (len(names) - 1) < MOST_BYTES


def test_lines_of_a_reviewer_are_not_in_the_graph(archive: Path, key_file: Path, tmp_path: Path) -> None:
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    lines = [f'2.25.{at},512,512,"0,0,{at % 500 + 1},{at % 499 + 1}",Doe\n' for at in range(20_000)]
    for path, count in ((few, 1), (many, len(lines))):
        path.write_text("sop_instance_uid,rows,columns,blank,reviewer\n" + "".join(lines[:count]))
    pixels = "--options=CleanPixelData"
    sizes = [
        len(submitted(archive, tmp_path / path.stem, key_file, pixels, f"--rectangles={path}").serialized) for path in (few, many)
    ]
    assert abs(sizes[1] - sizes[0]) < 1000


def record(archive: Path, output: Path, key: Path, *flags: str) -> dict[str, Crossing]:
    command = ["run", f"--input={archive}", f"--output={output}", f"--key=file:{key}", CLEANING, KEEPING, *flags]
    with recorded(keep=True) as found, pytest.raises(SystemExit) as ended:
        main([*command, "--direct_num_workers=1"], standalone_mode=False)
    assert ended.value.code == 3
    return found


@pytest.fixture(scope="module")
def crossings(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Crossing]:
    """All that went from stage to stage when the job de-identified ``archive``."""
    output = tmp_path_factory.mktemp("recorded") / "output"
    found = record(archive, output, key_file)
    assert len(list(output.rglob("*.dcm"))) > 70
    return found


@pytest.fixture(scope="module")
def face_crossings(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Crossing]:
    """And when it looks for faces, which are refused."""
    output = tmp_path_factory.mktemp("faces") / "output"
    found = record(archive, output, key_file, FACES)
    assert len(list(output.rglob("*.dcm"))) > 40
    return found


@pytest.fixture(scope="module")
def later_crossings(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Crossing]:
    """And when it goes on with an output, half of whose objects are there."""
    folder = tmp_path_factory.mktemp("later")
    (folder / "in").mkdir()
    files = sorted(archive.iterdir())
    for half in (files[::2], files[1::2]):
        for path in half:
            (folder / "in" / path.name).write_bytes(path.read_bytes())
            os.utime(folder / "in" / path.name, (1e9, 1e9))
        found = record(folder / "in", folder / "out", key_file, "--resume")
    return found


def values(dataset: Dataset) -> Iterator[bytes]:
    """The values of elements, in items, too, as they stand in the file."""
    for tag in list(dataset.keys()):
        value = dataset.get_item(tag).value
        try:
            items = dataset[tag].value if dataset[tag].VR == "SQ" else None
        except Exception:  # what pydicom can't decode is bytes all the same
            items = None
        if items is not None:
            for item in items:
                yield from values(item)
        elif isinstance(value, bytes):
            yield value


def parts(value: bytes) -> Iterator[bytes]:
    """What would give a value away: all of a short text, any WINDOW bytes of others; nothing that any data may have."""
    if len(value) < WINDOW:
        yield from (text.strip(b" \0") for text in value.split(b"\\") if len(text.strip(b" \0")) >= WINDOW // 2)
    for at in range(len(value) - WINDOW + 1):
        yield value[at : at + WINDOW]


def opened(value: object) -> Iterator[bytes]:
    """What is compressed in an element: records, as they were encoded before, and tables in them or by themselves."""
    if isinstance(value, bytes) and value[_SIZE_BYTES:].startswith(ZSTANDARD):
        yield decompress(value)
        yield from opened(msgpack.unpackb(decompress(value)))
    elif isinstance(value, bytes) and value.startswith(ARROW):
        table = pa.ipc.open_stream(value).read_all()
        chunks = [chunk for column in table.columns for chunk in column.chunks]
        yield b"".join(buffer.to_pybytes() for chunk in chunks for buffer in chunk.buffers() if buffer)
    elif isinstance(value, bytes) and (record := value.removeprefix(bytes(_SIZE_BYTES)))[:1] in RECORD:
        # it looks like a record that isn't compressed; hashes may, too
        with contextlib.suppress(ValueError):
            yield from opened(msgpack.unpackb(record))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from opened(part)


@pytest.mark.parametrize(
    ("when", "grouping"),
    [
        ("crossings", GROUPING),
        ("later_crossings", GROUPING | GROUPING_LATER),
        ("face_crossings", GROUPING | GROUPING_FACES),
    ],
)
def test_no_value_of_an_object_leaves_a_worker_but_to_storage(
    when: str, grouping: set[str], archive: Path, key_file: Path, request: pytest.FixtureRequest
) -> None:
    crossings: dict[str, Crossing] = request.getfixturevalue(when)
    assert {step.split("/")[0] for step, found in crossings.items() if found.shuffled} == grouping
    content = b"".join(bytes(found.content) + b"".join(opened(list(found.elements()))) for found in crossings.values())
    assert b".x" in content, "workers must read the names of sources in shuffles"
    assert [secret for secret in disguises(key_file.read_bytes()) if secret in content] == []

    there = {content[at : at + size] for size in range(WINDOW // 2, WINDOW + 1) for at in range(len(content) - size + 1)}
    looked_for, left = 0, []
    registered = "\n".join((*UID_dictionary, *modalities(), *keyword_dict)).encode()
    for path in archive.iterdir():
        dataset = dcmread(path, force=True)
        for value in (*values(dataset), *values(dataset.file_meta)):
            looked_for += len(value)
            found = [part for part in parts(value) if part in there and len(set(part)) > 3]
            # classes, transfer syntaxes, modalities and keywords stand in the tables whose rows go on
            left += [(path.name, part) for part in found if part.strip(b"\0") not in registered]
    assert looked_for > 2_000_000
    assert left == []


def test_the_recorder_sees_what_the_steps_exchange(crossings: dict[str, Crossing]) -> None:
    read_shard, read_groups = PackedRecordCoder(UidShard).decode, PackedRecordCoder(HeaderGroups).decode
    # a runner knows nothing of records but their bytes
    shards = [read_shard(encoded) for _, encoded in crossings["BuildUidMap/ByShard"].elements()]
    uses = {use.hash: use.new_uid for shard in shards for use in shard.uses}
    assert len(uses) > 100
    assert all(len(uid_hash) == 32 and (not new or new.startswith(b"2.25.")) for uid_hash, new in uses.items())
    groups = [group for _, encoded in crossings["GroupIntoWorkUnits/ByKey"].elements() for group in read_groups(encoded)]
    headers = [header for group in groups for header in group.headers]
    assert all(header.ref.name.endswith(b".x") and header.instance in uses for header in headers)
    assert {uid_hash for group in groups for uid_hash, _, _ in group.shared.uids} <= uses.keys()
