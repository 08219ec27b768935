"""Private attributes that stay: safe ones with their creators, judged to the bottom, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile, ProfileError
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, ct, part10, read, tags
from tests.support.running import SECRET, engine, rewrite, rewrite_with_report

SIEMENS = "SIEMENS MR HEADER"
PHILIPS = "Philips Imaging DD 001"
SAFE = engine("RetainSafePrivate")
#: B_value, IS and DiffusionGradientDirection, FD: both in Table E.3.10-1
B_VALUE, DIRECTION = 0x0C, 0x0E


def private(*elements: Element, using: Engine = SAFE, syntax: str = EXPLICIT) -> list[tuple[int, bytes]]:
    """The private elements that are left of ``elements``."""
    dataset = read(rewrite(part10(ct(*elements), syntax), using))
    return [(int(tag), dataset.get_item(tag).value) for tag in list(dataset.keys()) if tag.is_private]


def block(number: int, creator: str = SIEMENS, group: int = 0x0019) -> list[Element]:
    """A creator with a safe and an unsafe element in the block ``number``."""
    base = group << 16 | number << 8
    return [
        Element(group << 16 | number, "LO", creator),
        Element(base | B_VALUE, "IS", "1000"),
        Element(base | 0x99, "LO", "Doe^Jane"),
    ]


@pytest.mark.parametrize("number", [0x10, 0x11, 0xFF])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_safe_element_stays_with_its_creator_in_whatever_block(number: int, syntax: str) -> None:
    assert private(*block(number), syntax=syntax) == [
        (0x00190000 | number, SIEMENS.encode() + b" "),
        (0x00190000 | number << 8 | B_VALUE, b"1000"),
    ]


def test_without_the_option_nothing_private_stays() -> None:
    assert private(*block(0x10), using=engine()) == []


@pytest.mark.parametrize("creator", ["SIEMENS MR HEADER 2", "siemens mr header", "SIEMENS", "", "SIEMENS MR HEADER\0Doe"])
def test_a_creator_is_compared_exactly(creator: str) -> None:
    assert private(*block(0x10, creator)) == []


def test_elements_without_a_creator_go() -> None:
    assert private(Element(0x0019100C, "IS", "1000")) == []


def test_each_block_goes_by_its_own_creator_and_creators_stand_before_all_elements() -> None:
    elements = [*block(0x10, "Doe^Jane"), *block(0x11), *block(0x12, "SIEMENS CSA HEADER"), *block(0x13)]
    kept = private(*elements)
    assert [tag for tag, _ in kept] == [0x00190011, 0x00190013, 0x0019110C, 0x0019130C]
    assert tags(read(rewrite(part10(ct(*elements)), SAFE))) == sorted(tags(read(rewrite(part10(ct(*elements)), SAFE))))


def test_a_creator_of_whose_block_nothing_stays_goes() -> None:
    assert private(Element(0x00190010, "LO", SIEMENS), Element(0x00191099, "LO", "Doe^Jane")) == []


@pytest.mark.parametrize(("vr", "value"), [("LO", "Doe^Jane"), ("PN", "Doe^Jane"), ("SQ", [[]])])
def test_an_element_of_another_vr_than_the_lists_is_another_one(vr: str, value: object) -> None:
    assert private(Element(0x00190010, "LO", SIEMENS), Element(0x0019100C, vr, value)) == []


def test_an_element_in_un_has_the_lists_vr() -> None:
    kept = private(Element(0x00190010, "LO", SIEMENS), Element(0x0019100C, "UN", b"1000"))
    assert [value for _, value in kept] == [b"SIEMENS MR HEADER ", b"1000"]


def test_a_value_with_control_characters_goes() -> None:
    assert private(Element(0x00190010, "LO", SIEMENS), Element(0x0019100C, "IS", b"1\x01\x10\0Doe^Jane")) == []


def stack(*elements: Element, undefined: bool = False, as_un: bool = False) -> list[Element]:
    """Philips' safe StackSequence with one item."""
    sequence = Element(0x2001105F, "SQ", [list(elements)], undefined=undefined, undefined_items=undefined, as_un=as_un)
    return [Element(0x20010010, "LO", PHILIPS), sequence]


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize(
    ("syntax", "as_un"),
    # pydicom can't read sequences disguised as UN in big endian
    [(IMPLICIT, False), (EXPLICIT, False), (BIG, False), (IMPLICIT, True), (EXPLICIT, True)],
)
def test_a_safe_sequence_is_judged_to_the_bottom(undefined: bool, syntax: str, as_un: bool) -> None:
    inner = [
        Element(0x00080050, "SH", "ACC-1"),
        Element(0x00080060, "CS", "MR"),
        Element(0x20010010, "LO", "Doe^Jane"),
        Element(0x20010011, "LO", PHILIPS),
        Element(0x20011003, "FL", 1.5),
        Element(0x20011103, "FL", 2.5),
        Element(0x20011199, "LO", "Doe^Jane"),
    ]
    blob = part10(ct(*stack(*inner, undefined=undefined, as_un=as_un)), syntax)
    new, report = rewrite_with_report(blob, SAFE)
    assert b"Doe" not in new and b"ACC-1" not in new
    (item,) = read(new)[0x2001105F].value
    assert [int(tag) for tag in list(item.keys())] == [0x00080050, 0x00080060, 0x20010011, 0x20011103]
    assert item[0x00080050].value == ""
    paths = {(action.path, action.action) for action in report.actions}
    assert {('(2001,"Philips Imaging DD 001",5f)', "K"), ('(2001,"Philips Imaging DD 001",5f)>(private)', "X")} <= paths


def test_a_safe_sequence_that_cannot_be_read_goes() -> None:
    broken = Element(0x2001105F, "UN", b"Doe^Jane")
    assert private(Element(0x20010010, "LO", PHILIPS), broken) == []


NQ = "NQHeader"


@pytest.mark.parametrize(("options", "stays"), [("RetainSafePrivate", False), ("RetainSafePrivate,RetainUIDs", True)])
def test_safe_uids_are_replaced_unless_uids_stay(options: str, stays: bool) -> None:
    kept = private(Element(0x00990010, "LO", NQ), Element(0x00991002, "UI", "1.2.3.4.5"), using=engine(options))
    assert len(kept) == 2
    assert (b"1.2.3.4.5" in kept[1][1]) is stays


def declare(status: str, *, safe: list[int] | None = None, actions: list[tuple[str, int]] | None = None) -> Element:
    """PrivateDataElementCharacteristicsSequence about ACME's block."""
    item = [
        Element(0x00080301, "US", 0x0029),
        Element(0x00080302, "LO", "ACME"),
        Element(0x00080303, "CS", status),
    ]
    if safe:
        item.append(Element(0x00080304, "US", b"".join(number.to_bytes(2, "little") for number in safe)))
    if actions:
        parts = [[Element(0x00080306, "US", number), Element(0x00080307, "CS", code)] for code, number in actions]
        item.append(Element(0x00080305, "SQ", parts))
    return Element(0x00080300, "SQ", [item])


ACME = [
    Element(0x00290010, "LO", "ACME"),
    Element(0x00291001, "LO", "kernel"),
    Element(0x00291002, "LO", "Roe^Rita"),
    Element(0x00291003, "UI", "1.2.3.4.5"),
]


@pytest.mark.parametrize(
    ("declared", "left"),
    [
        (declare("SAFE"), [0x10, 0x1001, 0x1002, 0x1003]),
        (declare("UNSAFE"), []),
        (declare("MIXED", safe=[1]), [0x10, 0x1001]),
        (declare("MIXED", safe=[1], actions=[("Z", 2), ("U", 3)]), [0x10, 0x1001, 0x1002, 0x1003]),
        (declare("SAFE", actions=[("X", 2), ("?", 3)]), [0x10, 0x1001]),
        (declare("UNSAFE", safe=[1]), []),
        (declare("Doe"), []),
    ],
)
def test_what_the_object_says_of_its_blocks_counts(declared: Element, left: list[int]) -> None:
    kept = dict(private(declared, *ACME))
    assert sorted(kept) == [0x00290000 | element for element in left]
    if 0x00291003 in kept:
        assert b"1.2.3.4.5" not in kept[0x00291003]


def test_the_audit_names_creators_of_the_lists_only() -> None:
    _, report = rewrite_with_report(part10(ct(declare("SAFE"), *ACME)), SAFE)
    paths = {action.path for action in report.actions}
    assert "(0029,private,01)" in paths and not any("ACME" in path for path in paths)


def test_what_is_said_of_blocks_that_go_goes() -> None:
    assert read(rewrite(part10(ct(declare("UNSAFE"), *ACME)), SAFE))[0x00080300].value == []
    (item,) = read(rewrite(part10(ct(declare("MIXED", safe=[1]), *ACME)), SAFE))[0x00080300].value
    assert item.PrivateCreatorReference == "ACME"
    assert 0x00080300 not in read(rewrite(part10(ct(declare("SAFE"), *ACME))))


def test_an_elements_action_by_the_object_empties_it() -> None:
    kept = dict(private(declare("MIXED", safe=[1], actions=[("Z", 2)]), *ACME))
    assert kept[0x00291002] in (b"", None)


def test_the_list_is_extended_by_a_file(tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text('private_creator,tag,vr\nACME,"(0029,xx01)",LO\n')
    using = Engine(ConfidentialityProfile.default("RetainSafePrivate", safe_private=more), Key(SECRET))
    assert [tag for tag, _ in private(*ACME, *block(0x10), using=using)] == [0x00190010, 0x0019100C, 0x00290010, 0x00291001]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("creator,tag\n", "columns private_creator"),
        ("private_creator,tag,vr\nACME,0029,LO\n", "line 2: a private tag is written"),
        ('private_creator,tag,vr\nACME,"0028,xx01",LO\n', "line 2: a private tag is written"),
        ('private_creator,tag,vr\n,"0029,xx01",LO\n', "line 2: a private creator is needed"),
        ('private_creator,tag,vr\nACME,"0029,xx01",text\n', "line 2: a private creator is needed, and a VR"),
    ],
)
def test_a_list_that_cannot_be_used_is_an_error_that_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "more.csv"
    path.write_text(text)
    with pytest.raises(ProfileError, match=message):
        ConfidentialityProfile.default("RetainSafePrivate", safe_private=path)


def test_a_list_without_the_option_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text("private_creator,tag,vr\n")
    path.write_text('private_creator,tag,vr\nACME,"0029,xx01",LO\n')
    with pytest.raises(ProfileError, match="needs the option RetainSafePrivate"):
        ConfidentialityProfile.default(safe_private=path)


def test_dates_in_safe_private_attributes_stay_or_go(tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text('private_creator,tag,vr\nACME,"(0029,xx04)",DA\n')
    dated = [Element(0x00080020, "DA", "20200131"), Element(0x00290010, "LO", "ACME"), Element(0x00291004, "DA", "20200131")]

    def new(options: str) -> list[bytes]:
        using = Engine(ConfidentialityProfile.default(f"RetainSafePrivate,{options}", safe_private=more), Key(SECRET))
        dataset = read(rewrite(part10(ct(*dated)), using))
        return [dataset.get_item(tag).value for tag in (0x00080020, 0x00291004) if tag in dataset]

    assert new("") == [None] or new("") == [b""]
    assert new("RetainLongFullDates") == [b"20200131"] * 2
    # nobody knows whether it is the scanner's, and would tell how far the dates of all its patients moved
    (study,) = new("RetainLongModifDates")
    assert study != b"20200131"


def test_kept_private_attributes_are_accounted_for() -> None:
    _, report = rewrite_with_report(part10(ct(*block(0x13))), SAFE)
    actions = {(action.path, action.action): action.count for action in report.actions}
    assert actions['(0019,"SIEMENS MR HEADER",0c)', "K"] == 1
    assert actions["(private)", "X"] == 1
