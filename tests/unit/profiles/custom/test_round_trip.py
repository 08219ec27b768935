"""One profile in three formats says the same thing, and no text does harm."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles import ProfileError, ProfileOptions
from profiles.custom.files import read_csv, read_json, read_xml
from tests.support.custom_profiles import said

BASIC = ProfileOptions.BasicProfile
Written = tuple[str, dict[ProfileOptions, str], str]

_HEX = st.text("0123456789abcdefABCDEFxX", min_size=4, max_size=4)
_CREATORS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="{}>") | st.just(" "), min_size=1).filter(
    lambda creator: creator.strip() and creator.isprintable()
)
_STEPS = st.one_of(
    st.builds("{},{}".format, _HEX, _HEX),
    st.builds("({},{})".format, _HEX, _HEX),
    st.builds("{}{{{}}}{}".format, st.sampled_from(["0029", "00E1", "7xxx"]), _CREATORS, st.sampled_from(["10", "1x", "FE"])),
    st.sampled_from(["PatientComments", "*Comments", "*Date", "{LT}", "{pn}", "RequestAttributesSequence", "Patient*"]),
)
_PATTERNS = st.one_of(
    _STEPS,
    _STEPS.map(">{}".format),
    _STEPS.map("RequestAttributesSequence>{}".format),
    _STEPS.map("0040,0275 > (0040,0275)>{}".format),
    st.sampled_from(["[0-9A-F]{3}[13579BDF],[0-9A-F]{4}", "60[0-9A-F]{2},(3000|4000)", "0029,10..:A;B", "^0010,"]),
)
_CODES = st.sampled_from(["X", "z", "D", "K!", "c !", "K", "X/Z/D", "x/z", " Z/D", "X/D"])
_CELLS = st.dictionaries(st.sampled_from(list(ProfileOptions)), _CODES, min_size=1)
_TEXTS = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" \n;,\"'#/<>&\\"), min_size=1, max_size=60)
_VALUES = st.just("") | _TEXTS.map(str.strip).filter(lambda text: text.replace("\n", "").isprintable() and text.strip("\\"))
_RULES = st.tuples(_PATTERNS, _CELLS, st.just("")) | st.tuples(
    st.just("PatientComments"), _CELLS.map(lambda cells: cells | {BASIC: "D"}), _VALUES
)


def _refusal(text: str) -> str:
    try:
        read_json(text, "a.json")
    except ProfileError as error:
        return str(error)
    return ""


def _loads(rule: Written) -> bool:
    """Whether the rule is none that its attributes rule out."""
    refusal = _refusal(_as_json([rule]))
    assert refusal == "" or any(reason in refusal for reason in ("engine itself", "no sequence", "filed under")), refusal
    return refusal == ""


def _as_json(rules: list[Written]) -> str:
    return json.dumps(
        [
            {"Tag": pattern, **{str(option.name): code for option, code in cells.items()}, "Value": value}
            for pattern, cells, value in rules
        ]
    )


def _as_xml(rules: list[Written]) -> str:
    items = (
        f"<item><tag>{escape(pattern)}</tag>"
        + "".join(f"<{option.name}>{code}</{option.name}>" for option, code in cells.items())
        + f"<value>{escape(value)}</value></item>\n"
        for pattern, cells, value in rules
    )
    return f"<root>{''.join(items)}</root>"


def _as_csv(rules: list[Written], separator: str, noise: list[str]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    stream.write(separator.join(["Value", *(str(option.name) for option in ProfileOptions), "Tag"]) + "\n")
    for index, (pattern, cells, value) in enumerate(rules):
        stream.write(noise[index % len(noise)])
        writer.writerow([value, *(cells.get(option, "") for option in ProfileOptions), pattern])
    return stream.getvalue()


@settings(deadline=None)
@given(
    rules=st.lists(_RULES.filter(_loads), min_size=1, max_size=5),
    separator=st.sampled_from(";,\t"),
    noise=st.lists(st.sampled_from(["", "\n", "// a;b,c\n", ' # "quoted"; not\n', "\t\n"]), min_size=1),
)
def test_the_same_rules_in_three_formats_are_the_same(rules: list[Written], separator: str, noise: list[str]) -> None:
    expected = said(read_json(_as_json(rules), "a.json"))
    assert [pattern for pattern, *_ in expected] == [pattern.strip() for pattern, _, _ in rules]
    assert [value for _, _, value, _ in expected] == [value or None for _, _, value in rules]
    assert said(read_xml(_as_xml(rules), "a.xml")) == expected
    assert said(read_csv(_as_csv(rules, separator, noise), "a.csv")) == expected


@settings(deadline=None)
@given(text=st.text() | st.text(st.sampled_from("09afx,;>{}()[]*.+?|\\\"#/ \t\n\rDKXZU!PatientNme<>itemagc:'")))
def test_no_text_whatever_does_anything_but_load_or_be_refused(text: str) -> None:
    item = json.dumps([{"Tag": text, "Action": "X"}])
    element = f"<a><item><tag>{text}</tag><action>X</action></item></a>"
    for read in (read_csv, read_json, read_xml):
        for content in (text, item, element):
            with contextlib.suppress(ProfileError):
                assert read(content, "a")
