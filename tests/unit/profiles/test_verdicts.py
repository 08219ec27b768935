"""Files of verdicts: what they say, and what is wrong with them, without a value in the message."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ConfidentialityProfile, ProfileError, ProfileOptions, ValueId, Verdict, Verdicts

HEAD = "attribute,value,before,verdict,reviewer,value_hash\n"
SECRET = "Surname-4711"


def hash_of(digest: bytes) -> bytes:
    return hashlib.sha256(b"key" + digest).digest()


def key_of(value: ValueId) -> bytes:
    return hash_of(value.digest())[:16]


def read(text: str) -> Verdicts:
    return Verdicts.read(io.StringIO(text))


def test_a_value_is_found_by_its_text_or_by_its_hash() -> None:
    by_hash = "ab" * 16
    verdicts = read(f'{HEAD}"(0008,1030)",{SECRET},,remove,R,\n,,,dummy,R,{by_hash}\n"(0008,1030)",Head,Head ward,allow,S,\n')
    assert verdicts.table(hash_of) == {
        key_of(ValueId("(0008,1030)", SECRET)): Verdict.REMOVE,
        bytes.fromhex(by_hash): Verdict.DUMMY,
        key_of(ValueId("(0008,1030)", "Head", "Head ward")): Verdict.ALLOW,
    }
    assert (verdicts.count, verdicts.allowed, verdicts.reviewers) == (3, 1, ("R", "S"))
    assert SECRET not in repr(verdicts)


def test_the_strictest_verdict_counts_and_lines_without_one_say_nothing() -> None:
    line = '"(0008,1030)",A,,{},R,\n'
    verdicts = read(HEAD + line.format("dummy") + line.format("remove") + line.format("") + line.format("dummy"))
    assert list(verdicts.table(hash_of).values()) == [Verdict.REMOVE] and verdicts.count == 3


def test_a_value_that_stays_anyway_needs_no_permission() -> None:
    verdicts = read(f'{HEAD}"(0008,1030)",A,,allow,R,\n')
    assert (verdicts.count, verdicts.allowed, verdicts.table(hash_of)) == (1, 0, {}), "or whoever allows it would weaken nothing"


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(["remove", "dummy"])), min_size=1
    )
)
def test_keyed_lines_decide_alike(lines: list[tuple[str, str]]) -> None:
    quoted = "".join(f'"(0008,1030)","{value.replace(chr(34), chr(34) * 2)}",,{verdict},R,\n' for value, verdict in lines)
    verdicts = read(HEAD + quoted)
    without, stored = verdicts.keyed(hash_of)
    with pytest.raises(RuntimeError):
        without.table(hash_of)
    assert dict(without.with_lines(stored).table(lambda digest: b"another")) == dict(verdicts.table(hash_of))
    assert not any(value.encode() in stored for value, _ in lines if len(value) > 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needed"),
        (f"{HEAD}", "no line has a verdict"),
        (f'{HEAD}"(0008,1030)",{SECRET},,,R,\n', "no line has a verdict"),
        (f'{HEAD}"(0008,1030)",{SECRET},,remove,,\n', "line 2: a verdict needs a reviewer"),
        (f'{HEAD}"(0008,1030)",{SECRET},,delete,R,\n', "line 2: verdict: allow, dummy, remove"),
        (f"{HEAD}{SECRET},x,,remove,R,\n", "line 2: attribute"),
        (f'{HEAD}"(0008,1030)",,,remove,R,\n', "line 2: value"),
        (f"{HEAD},,,remove,R,{SECRET}\n", "line 2: value_hash"),
        (f"{HEAD}{SECRET}\n", "line 2: it has not as many cells"),
        (f"{SECRET},verdict,reviewer,value_hash\n", "1 columns are not known"),
        ("verdict,verdict,reviewer,value_hash\n", "twice"),
    ],
)
def test_what_is_wrong_is_said_without_values(text: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(text)
    assert said in str(caught.value) and SECRET not in str(caught.value)


def test_verdicts_are_part_of_a_profile() -> None:
    text = f'{HEAD}"(0008,1030)",A,B,allow,R,\n'
    plain = ConfidentialityProfile.default(ProfileOptions.CleanDesc)
    decided = ConfidentialityProfile.default(ProfileOptions.CleanDesc, verdicts=io.StringIO(text))
    assert decided.digest != plain.digest and decided != plain
    assert decided.statement_depends and not plain.statement_depends, "a text that is left uncleaned is told of"
    assert "verdicts=<1 value>" in repr(decided)
