"""Where an object says who somebody is: also in what goes, in private and unknown sequences, and in every character set."""

from __future__ import annotations

from pathlib import Path

import pydicom.data
import pytest

from tests.support.objects import EXPLICIT, IMPLICIT, SYNTAXES, Element, ct, part10, read
from tests.support.screening import CHARSET, NAME, OPERATOR, VERSION, WHO, left, passed, screening

TEXT = Element(VERSION, "LO", f"by {WHO}")
NAMED = [Element(OPERATOR, "PN", f"{WHO}^Ann")]
PRIVATE_NAME = [Element(0x00090010, "LO", "ACME"), Element(0x00091001, "PN", f"{WHO}^Ann")]
OPTIONS = pytest.mark.parametrize("options", ["", "CleanDesc", "RetainSafePrivate", "CleanDesc,RetainSafePrivate"])
IN_EVERY_SYNTAX = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
LENGTHS = pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])


def is_screened(syntax: str, options: str, *elements: Element) -> bool:
    """Whether the name in a kept value goes."""
    return left(part10(ct(TEXT, *elements), syntax), WHO, using=screening(options)) == []


@IN_EVERY_SYNTAX
@OPTIONS
@LENGTHS
def test_names_in_sequences_that_go_or_stay_are_known(syntax: str, options: str, undefined: bool) -> None:
    # the one goes, the other stays; of deep ones the innermost names somebody
    for tag in (0x00400275, 0x00081115):
        plain = Element(tag, "SQ", [[], NAMED], undefined=undefined, undefined_items=undefined)
        deep = Element(tag, "SQ", [[Element(0x00081140, "SQ", [NAMED], undefined=undefined)]], undefined=undefined)
        assert is_screened(syntax, options, plain) and is_screened(syntax, options, deep)


@IN_EVERY_SYNTAX
@OPTIONS
@LENGTHS
@pytest.mark.parametrize("tag", [0x00400275, 0x00081115], ids=["goes", "stays"])
def test_names_in_sequences_that_are_written_as_un_are_known(syntax: str, options: str, undefined: bool, tag: int) -> None:
    if syntax != IMPLICIT:
        assert is_screened(syntax, options, Element(tag, "SQ", [NAMED], undefined=undefined, as_un=True))


@OPTIONS
@pytest.mark.parametrize("syntax", [uid for uid in SYNTAXES.values() if uid != IMPLICIT])
@LENGTHS
def test_names_in_private_sequences_are_known(syntax: str, options: str, undefined: bool) -> None:
    creator = Element(0x00090010, "LO", "ACME")
    assert is_screened(syntax, options, creator, Element(0x00091001, "SQ", [NAMED], undefined=undefined))
    # out of its block, too
    assert is_screened(syntax, options, Element(0x00091001, "SQ", [NAMED], undefined=undefined))


def test_names_in_un_inside_of_a_big_endian_sequence_are_known() -> None:
    inner = Element(0x00081140, "SQ", [NAMED], as_un=True, undefined=True)
    assert is_screened(SYNTAXES["big endian"], "", Element(0x00400275, "SQ", [[inner]]))


BY_OPTION = pytest.mark.parametrize(
    "options",
    [
        "",
        "CleanDesc",
        "CleanDesc,RetainSafePrivate",
        pytest.param("RetainSafePrivate"),
    ],
)


@BY_OPTION
def test_private_names_are_known(options: str) -> None:
    assert is_screened(EXPLICIT, options, *PRIVATE_NAME)


@BY_OPTION
def test_names_in_private_sequences_that_show_by_their_length_only_are_known(options: str) -> None:
    private = [Element(0x00090010, "LO", "ACME"), Element(0x00091001, "SQ", [NAMED], undefined=True)]
    assert is_screened(IMPLICIT, options, *private)


@BY_OPTION
def test_names_in_private_sequences_that_are_written_as_un_are_known(options: str) -> None:
    private = [Element(0x00090010, "LO", "ACME"), Element(0x00091001, "SQ", [NAMED], undefined=True, as_un=True)]
    assert is_screened(EXPLICIT, options, *private)


@pytest.mark.parametrize("syntax", [EXPLICIT, SYNTAXES["big endian"]])
def test_private_names_in_sequences_that_go_are_known(syntax: str) -> None:
    assert is_screened(syntax, "", Element(0x00400275, "SQ", [PRIVATE_NAME]))


def test_names_of_attributes_that_nobody_knows_are_known() -> None:
    assert is_screened(EXPLICIT, "", Element(0x00081999, "PN", f"{WHO}^Ann"))


@IN_EVERY_SYNTAX
@OPTIONS
def test_who_stands_behind_what_is_long_is_known(syntax: str, options: str) -> None:
    long = [
        Element(0x00282000, "OB", bytes(200_000)),
        Element(0x00290010, "LO", "ACME"),
        Element(0x00291001, "OB", bytes(200_000)),
    ]
    for one in (long[:1], long[1:], long):
        assert is_screened(syntax, options, *one, Element(0x00400275, "SQ", [NAMED]))


@IN_EVERY_SYNTAX
def test_a_name_that_was_written_as_un_is_known(syntax: str) -> None:
    assert is_screened(syntax, "", Element(OPERATOR, "UN", f"{WHO}^Ann".encode()))


def test_what_a_broken_sequence_says_before_it_breaks_is_known_or_the_object_is_refused() -> None:
    broken = Element(0x00400275, "SQ", [[*NAMED, Element(0x00081199, "SQ", b"\xfe\xff\0\xe0\xff\0\0\0", length=8)]])
    assert is_screened(EXPLICIT, "", broken)


# -- character sets ----------------------------------------------------------------------------------------------------------

JIS = b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("ISO_IR 100", "Müller^Eva".encode("latin-1"), "für Müller".encode("latin-1")),
        ("ISO_IR 100", "Müller^Eva".encode("latin-1"), b"MUELLER"),
        ("ISO_IR 100", "Müller^Eva".encode("latin-1"), b"for Muller"),
        ("ISO_IR 192", "Müller^Eva".encode(), "für MÜLLER".encode()),
        ("ISO_IR 192", "Müller^Eva".encode(), "für Mu\u0308ller".encode()),
        ("ISO_IR 192", "Müller^Eva".encode(), "Müller".encode("latin-1")),
        ("ISO_IR 192", "Suzuki^Taro=鈴木^太郎".encode(), "担当鈴木".encode()),
        ("ISO_IR 144", "Иванов^Пётр".encode("iso8859_5"), "ИВАНОВ".encode("iso8859_5")),
        ("ISO_IR 101", "Wałęsa^Lech".encode("iso8859_2"), b"Walesa"),
        ("ISO_IR 126", "Διονυσιος".encode("iso8859_7"), "ΔΙΟΝΥΣΙΟΣ".encode("iso8859_7")),
        ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "王小东".encode("gb18030")),
        ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), b"wang xiao dong xiaodong"),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", b"x \xd4\xcf\xc0\xde"),
        ("\\ISO 2022 IR 87", b"Yamada^Tarou=" + JIS, b"x " + JIS.split(b"^")[0]),
        ("\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", b"x \x1b$)C\xd1\xce\xd4\xd7"),
        ("\\ISO 2022 IR 87", b"Suzuki^Ichiro=\x1b$BNkLZ\x1b(B^\x1b$B0lO:\x1b(B", b"x \x1b$BNkLZ\x1b(B"),
        pytest.param("ISO_IR 100", "Müller^Eva".encode("latin-1"), "für Müller".encode()),
        pytest.param("ISO_IR 144", "Иванов^Пётр".encode("iso8859_5"), "Иванов".encode()),
    ],
)
@pytest.mark.parametrize("depth", [0, 1])
def test_a_name_goes_in_whatever_script(charset: str, name: bytes, text: bytes, depth: int) -> None:
    planted = Element(VERSION, "LO", text)
    holder = Element(0x00081115, "SQ", [[planted]]) if depth else planted
    blob = part10(ct(Element(CHARSET, "CS", charset), Element(NAME, "PN", name), holder))
    assert left(blob, text) == []


FILES = Path(pydicom.data.__file__).parent / "charset_files"


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.glob("chr*.dcm") if "SQEncoding" not in path.name))
def test_the_names_of_real_files_go(name: str) -> None:
    dataset = read((FILES / name).read_bytes())
    value = bytes(dataset.get_item(NAME).value).rstrip(b" \0")
    charset = dataset.get("SpecificCharacterSet", "")
    named = Element(CHARSET, "CS", charset if isinstance(charset, str) else "\\".join(charset))
    for part in filter(None, [value, *value.split(b"=")]):
        output, report = passed(part10(ct(named, Element(NAME, "PN", value), Element(VERSION, "LO", b"x " + part))))
        assert VERSION not in read(output), part
        assert [str(note) for note in report.notes] == ["identifier-screened"]


def test_an_item_has_a_character_set_of_its_own() -> None:
    item = [Element(CHARSET, "CS", "ISO_IR 144"), Element(OPERATOR, "PN", "Иванов^П".encode("iso8859_5"))]
    there = [Element(CHARSET, "CS", "ISO_IR 192"), Element(VERSION, "LO", "за Иванов".encode())]
    blob = part10(ct(Element(0x00081115, "SQ", [item, there])))
    assert left(blob, "Иванов") == []


def test_utf_16_of_other_scripts_goes_from_binary_values() -> None:
    elements = [Element(CHARSET, "CS", "ISO_IR 192"), Element(NAME, "PN", "Wałęsa^Lech".encode())]
    for codec in ("utf-16-le", "utf-16-be"):
        value = "..Wałęsa..".encode(codec)
        assert left(part10(ct(*elements, Element(0x00282000, "OB", value))), value) == []
