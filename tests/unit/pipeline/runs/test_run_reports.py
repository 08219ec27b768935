"""Review editions are written where nobody else can read them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runs.run_reports import REVIEW_FILE, ReviewPlace
from storage import Folder
from tests.support.certificates import key_pair
from transforms import decrypt, load_certificate, load_private_key


@pytest.mark.parametrize(
    ("location", "certificate", "is_safe"),
    [("/audit", b"", True), ("gs://bucket/audit", b"", False), ("gs://bucket/audit", b"x", True), ("/audit", b"x", True)],
)
def test_object_storage_needs_a_certificate(location: str, certificate: bytes, is_safe: bool) -> None:
    assert ReviewPlace(Folder(location), REVIEW_FILE, certificate).is_safe == is_safe


def test_an_encrypted_edition_opens_by_its_key_alone(tmp_path: Path) -> None:
    pair = key_pair(tmp_path)
    certificate = load_certificate(pair.certificate.read_bytes())
    ReviewPlace(Folder(str(tmp_path)), REVIEW_FILE, certificate).write(b"SECRETNAME")
    assert not (tmp_path / REVIEW_FILE).exists()
    content = (tmp_path / f"{REVIEW_FILE}.p7m").read_bytes()
    assert b"SECRETNAME" not in content
    assert decrypt(content, [load_private_key(pair.private_key.read_bytes(), None)]) == b"SECRETNAME"
