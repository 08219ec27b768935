"""Files of verdicts: what they say, and what is wrong with them, without a value in the message."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ConfidentialityProfile, ProfileError, ProfileOptions, ValueId, Verdict, Verdicts, escape_formulas

HEAD = "attribute,value,before,verdict,reviewer,value_hash\n"
SECRET = "Surname-4711"


def hash_of(digest: bytes) -> bytes:
    return hashlib.sha256(b"key" + digest).digest()


def key_of(value: ValueId) -> bytes:
    return hash_of(value.digest())[:16]


def read(text: str) -> Verdicts:
    return Verdicts.read(io.StringIO(text))


def test_a_value_is_found_by_its_text_or_by_its_hash() -> None:
    by_hash = "ab" * 16 + hash_of(bytes.fromhex("ab" * 16))[:4].hex()
    verdicts = read(f'{HEAD}"(0008,1030)",{SECRET},,remove,R,\n,,,dummy,R,{by_hash}\n"(0008,1030)",Head,Head ward,allow,S,\n')
    assert verdicts.table(hash_of) == {
        key_of(ValueId("(0008,1030)", SECRET)): Verdict.REMOVE,
        bytes.fromhex(by_hash)[:16]: Verdict.DUMMY,
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
        (f'{HEAD}"(0008,1030)",,,remove,R,\n', "line 2: attribute and value are needed"),
        (f'{HEAD}"(0008,1030)",{"x" * 2000}... (5000 characters),,remove,R,\n', "line 2: value_hash is needed"),
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


def line(value: ValueId, value_hash: bytes, verdict: str = "remove") -> str:
    cells = [value.attribute, value.value, value.before or "", verdict, "R", value_hash.hex()]
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


def hash_and_code(value: ValueId) -> bytes:
    return key_of(value) + hash_of(key_of(value))[:4]


def test_a_hash_of_another_key_or_of_another_value_is_refused() -> None:
    value, other = ValueId("(0008,1030)", SECRET), ValueId("(0008,1030)", "another")
    assert read(HEAD + line(value, hash_and_code(value))).table(hash_of) == {key_of(value): Verdict.REMOVE}
    for value_hash, said in (
        (hash_and_code(other), "line 2: value_hash is that of another value"),
        (key_of(value) + b"1234", "line 2: value_hash was made with another key"),
    ):
        with pytest.raises(ProfileError) as caught:
            read(HEAD + line(value, value_hash)).table(hash_of)
        assert said in str(caught.value) and SECRET not in str(caught.value)
    # by the hash alone, with a text that is cut, and with a creator that no path can have
    for cells in (ValueId("", ""), ValueId("(0008,1030)", "x" * 2000 + "... (5000 characters)")):
        assert read(HEAD + line(cells, hash_and_code(value))).table(hash_of) == {key_of(value): Verdict.REMOVE}
    odd = ValueId('(0009,"A"B",01)', "x")
    assert read(HEAD + line(odd, hash_and_code(odd))).table(hash_of) == {key_of(odd): Verdict.REMOVE}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("=+-@'\";|\t\n "), min_size=1, max_size=12))
def test_a_cell_that_was_written_for_a_spreadsheet_is_the_value_that_it_was(text: str) -> None:
    value = ValueId("(0008,1030)", text)
    cells = value._replace(value=escape_formulas(text))
    assert key_of(value) in read(HEAD + line(cells, b"")).table(hash_of)
    assert read(HEAD + line(cells, hash_and_code(value))).table(hash_of) == {key_of(value): Verdict.REMOVE}


def test_what_spreadsheets_write_for_a_comma_is_read() -> None:
    for sign in (";", "\t"):
        text = f"{HEAD}(0008 1030),A,,remove,R,\n".replace(",", sign).replace("(0008 1030)", '"(0008,1030)"')
        assert read("\ufeff" + text.replace("\n", "\r\n")).table(hash_of) == {key_of(ValueId("(0008,1030)", "A")): Verdict.REMOVE}


def test_verdicts_are_part_of_a_profile() -> None:
    text = f'{HEAD}"(0008,1030)",A,B,allow,R,\n'
    plain = ConfidentialityProfile.default(ProfileOptions.CleanDesc)
    decided = ConfidentialityProfile.default(ProfileOptions.CleanDesc, verdicts=io.StringIO(text))
    assert decided.digest != plain.digest and decided != plain
    assert decided.statement_depends and not plain.statement_depends, "a text that is left uncleaned is told of"
    assert "verdicts=<1 value>" in repr(decided)
