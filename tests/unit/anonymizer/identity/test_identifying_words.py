"""Hashes of words: what they are must not change, for tables hold them from run to run."""

from __future__ import annotations

import hmac
import pickle

import pytest

from anonymizer import Key
from anonymizer.internals import IdentifyingWords, Purpose, split_words
from tests.support.running import SECRET

KEY = Key(SECRET)
WORDS = IdentifyingWords(KEY)


def test_a_word_alone_has_the_hash_that_version_01_had_in_its_tables() -> None:
    expected = hmac.digest(KEY.derive(Purpose.WORD), "müller".encode(), "sha256")[:8]
    assert WORDS.hash("müller") == WORDS.hash("müller") == expected


def test_a_bound_word_is_a_pure_function_of_the_key_of_whom_and_of_the_word() -> None:
    who, hashes = b"w" * 16, [WORDS.hash("doe"), WORDS.hash("jane")]
    expected = sorted(hmac.digest(KEY.derive(Purpose.BOUND_WORD), who + one, "sha256")[:8] for one in hashes)
    assert WORDS.bind(who, hashes) == WORDS.bind(who, hashes[::-1]) == b"".join(expected)
    assert split_words(WORDS.bind(who, hashes)).isdisjoint(split_words(WORDS.bind(b"x" * 32, hashes)))
    assert WORDS.bind(who, []) == b""


def test_words_that_are_bound_to_any_of_several_are_known() -> None:
    bound = {who: split_words(WORDS.bind(who, [WORDS.hash(word)])) for who, word in ((b"s" * 16, "doe"), (b"p" * 32, "jane"))}
    known = WORDS.known(bound)
    for _ in range(2):
        assert [word in known for word in ("doe", "jane", "chest")] == [True, True, False]
    # bound to somebody else
    assert "doe" not in WORDS.known({b"t" * 16: bound[b"s" * 16]})
    assert "doe" not in WORDS.known({})


def test_more_words_than_are_kept_in_mind_are_known_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymizer.identity.identifying_words._MOST_KNOWN", 3)
    words = IdentifyingWords(KEY)
    names = [f"name{number}" for number in range(10)]
    known = words.known({b"w" * 16: split_words(words.bind(b"w" * 16, map(words.hash, names)))})
    assert all(name in known and f"no{name}" not in known for name in names * 2)


def test_it_is_never_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(WORDS)
