"""The crosswalk's writer by itself."""

from __future__ import annotations

import pickle
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anonymizer.internals import Originals, Scan
from storage import Folder
from tests.support.certificates import key_pair
from tests.support.sealed import engine_config
from transforms import (
    CROSSWALK,
    CrosswalkError,
    CrosswalkTarget,
    EngineConfig,
    SealedFiles,
    decrypt,
    load_certificate,
    load_private_key,
    sealed_name,
)
from transforms.crosswalk.crosswalk import CrosswalkRow, CrosswalkWriter, crosswalk_row, crosswalk_table


def row(number: int = 0) -> CrosswalkRow:
    uids = {0x0020000D: (b"1.1", b"2.1"), 0x0020000E: (b"1.2", b"2.2"), 0x00080018: (b"1.3.%d" % number, b"2.3.%d" % number)}
    scan = Scan("", uids, 0, originals=Originals(f"MRN-{number}", "A", "Doe", f"NEW-{number}"))
    return crosswalk_row("ab" * 16, b"%d.dcm" % number, scan)


def patients(folder: Path) -> list[str]:
    return [found["patient_id"] for path in sorted(folder.iterdir()) for found in pq.read_table(path).to_pylist()]


def crosswalk_target(folder: Path, config: EngineConfig, certificate: bytes = b"") -> CrosswalkTarget:
    return CrosswalkTarget(SealedFiles(Folder(str(folder)), CROSSWALK, "0123abcd", config, certificate), "key")


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> EngineConfig:
    return engine_config(monkeypatch)


def test_what_was_flushed_is_there_and_more_may_follow(tmp_path: Path, config: EngineConfig) -> None:
    folder = tmp_path / "crosswalk"
    target = crosswalk_target(folder, config)
    writer = CrosswalkWriter(pickle.loads(pickle.dumps(target)))
    writer.flush()
    assert not folder.exists(), "no rows, no file"
    writer.add([row(1), None, row(2)])
    assert not folder.exists(), "until then they are in memory only"
    writer.flush()
    assert patients(folder) == ["MRN-1", "MRN-2"]
    writer.flush()
    assert len(list(folder.iterdir())) == 1
    writer.add([row(3)])
    writer.flush()
    assert sorted(patients(folder)) == ["MRN-1", "MRN-2", "MRN-3"]
    for path in folder.iterdir():
        assert path.name.startswith("crosswalk-0123abcd-")
        assert path.name == sealed_name("crosswalk-0123abcd", ".parquet", path.read_bytes(), config.seal())


def test_a_bundle_of_any_size_becomes_files_of_bounded_size(
    tmp_path: Path, config: EngineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transforms.tables.parquet_files._FILE_BYTES", 1 << 16)
    writer = CrosswalkWriter(crosswalk_target(tmp_path / "crosswalk", config))
    for start in range(0, 40_000, 500):
        writer.add(map(row, range(start, start + 500)))
    before = len(list((tmp_path / "crosswalk").iterdir()))
    writer.flush()
    assert before >= 2
    assert sorted(patients(tmp_path / "crosswalk")) == sorted(f"MRN-{number}" for number in range(40_000))


def test_with_a_certificate_files_are_envelopes(tmp_path: Path, config: EngineConfig) -> None:
    pair = key_pair(tmp_path)
    certificate = load_certificate(pair.certificate.read_bytes())
    writer = CrosswalkWriter(crosswalk_target(tmp_path / "crosswalk", config, certificate))
    writer.add([row(7)])
    writer.flush()
    (path,) = (tmp_path / "crosswalk").iterdir()
    assert path.name == sealed_name("crosswalk-0123abcd", ".parquet.p7m", path.read_bytes(), config.seal())
    content = decrypt(path.read_bytes(), [load_private_key(pair.private_key.read_bytes(), None)])
    assert pq.read_table(BytesIO(content)).to_pylist() == [{**row(7)._asdict(), "run_id": "0123abcd", "key_id": "key"}]


def test_errors_hold_no_identifier() -> None:
    with pytest.raises(CrosswalkError) as caught:
        crosswalk_table([row()._replace(patient_id="MRN-\ud800")], "run", "key")
    assert "MRN" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_no_half_surrogate_ends_a_run() -> None:
    scan = Scan("", {}, 0, originals=Originals("A\ud800", "", "", ""))
    made = crosswalk_row("", b"\xff", scan)
    assert (made.patient_id, made.source, made.source_bytes) == ("A\\ud800", None, b"\xff")
    assert made.study_instance_uid == made.new_sop_instance_uid == ""
    assert crosswalk_table([made], "run", "key").num_rows == 1
