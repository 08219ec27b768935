"""The secret: separated by use and scope, and never shown."""

from __future__ import annotations

import copy
import hmac
import pickle
from pathlib import Path

import pytest

from anonymizer import Anonymizer, Key, Purpose, SecretError
from tests.support.running import SECRET


def test_each_use_has_a_key_of_its_own() -> None:
    key = Key(SECRET)
    derived = [key.derive(purpose) for purpose in Purpose]
    assert len(set(derived)) == len(Purpose) > 10
    assert {len(value) for value in derived} == {32}
    assert SECRET not in derived


def test_the_same_secret_under_another_scope_cannot_be_linked() -> None:
    scopes = ["", "study A", "study B"]
    assert len({Key(SECRET, scope).derive(Purpose.UID) for scope in scopes}) == 3
    assert len({Key(SECRET, scope).key_id for scope in scopes}) == 3


def test_derivation_is_the_same_everywhere_and_forever() -> None:
    # RFC 5869 with SHA-256 and no salt, in two steps
    pseudorandom = hmac.digest(bytes(32), SECRET, "sha256")
    expected = hmac.digest(pseudorandom, b"dicom-deid/1\0scope\0uid\1", "sha256")
    assert Key(SECRET, "scope").derive(Purpose.UID) == expected


def test_the_key_id_tells_keys_apart_and_reveals_nothing() -> None:
    key_id = Key(SECRET).key_id
    assert len(key_id) == 16 and int(key_id, 16) >= 0
    assert key_id == Key(SECRET).key_id != Key(SECRET[::-1]).key_id
    assert key_id not in SECRET.hex()


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_cannot_be_pickled_or_copied_into_a_job(duplicate: object) -> None:
    with pytest.raises(TypeError, match="never pickled"):
        duplicate(Key(SECRET))  # type: ignore[operator]


def test_an_anonymizer_cannot_be_pickled_with_its_key() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Anonymizer(key=SECRET))


@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_key_shows_nothing_of_its_secret(show: object) -> None:
    shown = show(Key(b"secret" * 8, "my scope"))  # type: ignore[operator]
    assert "secret" not in shown and (b"secret" * 8).hex() not in shown and "my scope" not in shown


@pytest.mark.parametrize("length", [0, 1, 16, 31])
def test_a_short_secret_is_refused(length: int) -> None:
    with pytest.raises(SecretError, match="32"):
        Key(b"s" * length)


def test_a_generated_key_is_new_each_time() -> None:
    assert Key.generate().key_id != Key.generate().key_id


def test_a_key_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    for name, content in (("plain", SECRET), ("unix", SECRET + b"\n"), ("dos", SECRET + b"\r\n")):
        (tmp_path / name).write_bytes(content)
        assert Key.load(f"file:{tmp_path / name}").key_id == Key(SECRET).key_id


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEID_TEST_KEY", "k" * 32)
    assert Key.load("env:DEID_TEST_KEY", "scope").key_id == Key(b"k" * 32, "scope").key_id


@pytest.mark.parametrize("uri", ["", "file:", "env:", "nonsense:xyz", "hunter2" * 5, "env:DEID_NOT_SET"])
def test_a_key_that_is_nowhere_is_refused_without_showing_what_was_typed(uri: str) -> None:
    with pytest.raises(SecretError) as caught:
        Key.load(uri)
    assert "hunter2" not in str(caught.value)


def test_a_key_file_that_is_missing_or_short_is_refused_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(SecretError):
        Key.load(f"file:{tmp_path / 'missing'}")
    (tmp_path / "short").write_bytes(b"hunter2")
    with pytest.raises(SecretError) as caught:
        Key.load(f"file:{tmp_path / 'short'}")
    assert "hunter2" not in str(caught.value)


def test_a_text_ends_before_its_line_end_and_random_bytes_where_they_end(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_bytes(b"k" * 32 + b"\n")
    other.write_bytes(b"k" * 32)
    assert Key.load(f"file:{text}").key_id == Key.load(f"file:{other}").key_id
    random = tmp_path / "random"
    random.write_bytes(b"\xf0" * 31 + b"\n")
    assert Key.load(f"file:{random}").key_id == Key(b"\xf0" * 31 + b"\n").key_id
