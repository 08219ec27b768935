"""The secret: separated by use and scope, and never shown."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import os
import pickle
from pathlib import Path

import pytest

from anonymizer import Anonymizer, Key, SecretError
from anonymizer.internals import Purpose
from tests.support.keys import KEY, KEY_TEXT, write_key
from tests.support.running import SECRET

#: a secret in all forms that are accepted, and what version 0.1 made of each: key id, key for UIDs, and both with a scope
RAW = hashlib.sha512(b"dicom-deid golden keys").digest()[:32]
LONG = hashlib.sha512(b"dicom-deid golden keys").digest()
GOLDEN = {
    "raw": (
        RAW,
        "4080759dbea81977",
        "b40dba348532ce6b028f542d4d4a4313488f3b0218166cabeab6475a11fb5ea3",
        "f42fe541560c4fc7",
        "3dc7a45a13aa60f69be7dc124a6143b42b2cedbbaf55bb06e7276425fdae49de",
    ),
    "raw and a line end": (
        RAW + b"\n",
        "dd9ebfa935715d0b",
        "1cf8ea8ff6994b5d8e8388bada29a276ed0ee3b92e18818389bb9fe73a60c1ca",
        "34382bff3b63c218",
        "af6e0da513b07bbd8966d8001d55f5d92ecf965c01c0c8208a03626d973773c1",
    ),
    "bytes in order": (
        SECRET,
        "924d3b3704ad2d1f",
        "0cb871b22cc24be17063d0b41a0df5c23cd92aa2a7075bdaebb919e7268a90de",
        "66df72f0cacf57f4",
        "052b4fc8d1b894f91ecd1d9fe208a6e0d71a9c87a98e68f3eb0dede1980089b9",
    ),
    "hex": (
        RAW.hex().encode(),
        "908ef59826d1a50f",
        "0db945935a1b1c1a0663e10da9dbe5d9d4ff52bc67646809f9e45ee4a437dfae",
        "737ca2af1cc3adb3",
        "6f85c005593dd614acd6bf3446495373634ddfa006fb64529d7d7916b197fe2e",
    ),
    "hex in capitals": (
        RAW.hex().upper().encode(),
        "7656a5a6c8e01035",
        "e9919838c975e0736a43970ac2b24b25565b91543a5f794d4c2be5410532192f",
        "159b24e9dfe01ae3",
        "f9ff6df1f26c6698713781f3b8f212a93080a054400df870f657bb45f743bbd3",
    ),
    "base64": (
        base64.b64encode(RAW),
        "defde2d6030fb7e8",
        "ac4723a7f644274d400f19b135eb9886c68e93543917c70d46e5e4666efca6e6",
        "22086841cf5c390b",
        "fe9b6dfa302f4b1607431e1aec12b4c7be94c7b4c3a9231a0dfd750a9dd71772",
    ),
    "base64 without padding": (
        base64.b64encode(RAW).rstrip(b"="),
        "c0dcdb2612feb3cc",
        "f5b79fb069129f75eb0c059fd968af24d92c7e8e221dd3d6b95202dba097a2bc",
        "e44dafbbe64f2b72",
        "d551c544192fdc1dc4027b150dd61f2098201373e4b1024ef25c04ece456145a",
    ),
    "base64 for URLs": (
        base64.urlsafe_b64encode(RAW),
        "74f6b039ac4d1acd",
        "fe7d74969162ee35c2433412f9a6d454f9bf1dee7b899109c2b551f16efec3da",
        "0d47fc4d0281ba28",
        "746e9131eac05f79b17fc40bc65553f8a48993c016c4a98bb57cb9d869f732f8",
    ),
    "base64 in lines": (
        base64.encodebytes(LONG).rstrip(b"\n"),
        "f6e607291c248884",
        "82f7988906430ef4ae84d461cc7f60e62857c0d76df726e48272d6978e862361",
        "2e312855f5ddfc3d",
        "aeb9d91774f0ae235ed20e46d4bcc4c4a91d2f6891d60b26f5b77b1d92720ce7",
    ),
    "base64 of hex": (
        base64.b64encode(RAW.hex().encode()),
        "a73a404bfa301b23",
        "eac4839344e3b2d647b3eddbe40bda411653e248b6b4c97d96f112b6f21d9d07",
        "4b5a0b29a5428467",
        "c4f9588d29373fe88dc447acc93506f8e7410930b06ade50de18fe21f7b0b3ad",
    ),
}


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


@pytest.mark.parametrize(("secret", "key_id", "uid_key", "scoped_id", "scoped_uid_key"), GOLDEN.values(), ids=GOLDEN)
def test_what_is_derived_of_a_secret_is_what_version_0_1_derived(
    secret: bytes, key_id: str, uid_key: str, scoped_id: str, scoped_uid_key: str
) -> None:
    for scope, expected_id, expected_key in (("", key_id, uid_key), ("study A", scoped_id, scoped_uid_key)):
        key = Key(secret, scope)
        assert key.key_id == expected_id == key.derive(Purpose.KEY_ID)[:8].hex()
        assert key.derive(Purpose.UID).hex() == expected_key


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"], ids=repr)
@pytest.mark.parametrize("form", GOLDEN)
def test_a_line_end_behind_a_secret_means_what_it_meant(
    form: str, end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, key_id = GOLDEN[form][:2]
    is_text = secret.isascii()
    if form == "raw and a line end":
        end = b""
    path = write_key(tmp_path / "key", secret + end)
    assert (Key.load(f"file:{path}").key_id == key_id) is (is_text or not end)
    if form == "raw":
        # behind raw bytes it is one of them
        expected = {b"": key_id, b"\n": "dd9ebfa935715d0b", b"\r\n": "1a26ed536de54418", b"\n\n": "1ebbf2ce8489180d"}
        assert Key.load(f"file:{path}").key_id == expected[end]
    if is_text and 0 not in secret:
        monkeypatch.setenv("DEID_TEST_KEY", (secret + end).decode())
        assert Key.load("env:DEID_TEST_KEY").key_id == key_id
    # as bytes it is taken as it is
    assert (Key(secret + end).key_id == key_id) is not bool(end)


def test_bytes_that_change_later_are_another_key() -> None:
    secret = bytearray(RAW)
    key = Key(secret)
    secret[:] = bytes(32)
    assert key.derive(Purpose.UID) == Key(RAW).derive(Purpose.UID)


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
    shown = show(Key(KEY, "my scope"))  # type: ignore[operator]
    assert not any(KEY_TEXT[start : start + 6] in shown for start in range(59)) and "my scope" not in shown


def test_a_generated_key_is_new_each_time() -> None:
    assert Key.generate().key_id != Key.generate().key_id


def test_a_key_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    for name, content in (("plain", SECRET), ("unix", SECRET + b"\n"), ("dos", SECRET + b"\r\n")):
        assert Key.load(f"file:{write_key(tmp_path / name, content)}").key_id == Key(SECRET).key_id


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for end in ("", "\n"):
        monkeypatch.setenv("DEID_TEST_KEY", KEY_TEXT + end)
        assert Key.load("env:DEID_TEST_KEY", "scope").key_id == Key(KEY, "scope").key_id


def test_a_variable_that_is_no_text_is_refused_without_its_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEID_TEST_KEY", os.fsdecode(b"hunter2\xff" * 8))
    with pytest.raises(SecretError, match="no text") as caught:
        Key.load("env:DEID_TEST_KEY")
    assert "hunter2" not in str(caught.value) and caught.value.__suppress_context__


@pytest.mark.parametrize("uri", ["", "file:", "env:", "nonsense:xyz", "hunter2" * 5, "env:DEID_NOT_SET"])
def test_a_key_that_is_nowhere_is_refused_without_showing_what_was_typed(uri: str) -> None:
    with pytest.raises(SecretError) as caught:
        Key.load(uri)
    assert "hunter2" not in str(caught.value)


def test_a_key_file_that_is_missing_or_short_is_refused_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(SecretError):
        Key.load(f"file:{tmp_path / 'missing'}")
    with pytest.raises(SecretError) as caught:
        Key.load(f"file:{write_key(tmp_path / 'short', b'hunter2')}")
    assert "hunter2" not in str(caught.value)


def test_a_text_ends_before_its_line_end_and_random_bytes_where_they_end(tmp_path: Path) -> None:
    text, other = write_key(tmp_path / "text", KEY + b"\n"), write_key(tmp_path / "other", KEY)
    assert Key.load(f"file:{text}").key_id == Key.load(f"file:{other}").key_id
    random = write_key(tmp_path / "random", RAW[:-1] + b"\n")
    assert Key.load(f"file:{random}").key_id == Key(RAW[:-1] + b"\n").key_id
