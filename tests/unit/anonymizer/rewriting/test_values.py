"""Values that are to stay are looked at: identifiers must not ride in them."""

from __future__ import annotations

import pytest

from anonymizer import Anonymizer, DeidentificationError
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, SYNTAXES, Element, ct, part10, read

ANONYMIZER = Anonymizer(key=KEY)


def reason(*extra: Element, syntax: str = EXPLICIT) -> str:
    """Why a CT with ``extra`` elements is refused."""
    with pytest.raises(DeidentificationError) as error:
        ANONYMIZER.anonymize(part10(ct(*extra), syntax))
    return error.value.reason.value


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_a_damaged_length_that_swallows_the_patient_is_noticed(syntax: str) -> None:
    order = "big" if syntax == BIG else "little"
    name = b"Doe^Jane"
    swallowed = (0x0010).to_bytes(2, order) * 2 + (b"PN" if syntax != IMPLICIT else b"") + len(name).to_bytes(2, order) + name
    assert reason(Element(0x00080070, "LO", b"MAKER " + swallowed), syntax=syntax) == "invalid-value"
    assert reason(Element(0x00280002, "US", b"\1\0" + swallowed), syntax=syntax) == "invalid-length"


@pytest.mark.parametrize("vr", ["PN", "DA", "LT", "UT", "AE", "UI", "ST"])
def test_a_kept_attribute_with_the_vr_of_an_identifier_is_refused(vr: str) -> None:
    assert reason(Element(0x00180015, vr, b"DOE^JOHN")) == "vr-mismatch"


@pytest.mark.parametrize("vr", ["LO", "SH", "CS", "AS"])
def test_words_in_the_place_of_numbers_are_refused(vr: str) -> None:
    # VM 1-n: no length is too much
    assert reason(Element(0x0018605A, vr, b"JANE DOE")) == "vr-mismatch"


@pytest.mark.parametrize("tag", [0x00080005, 0x00080016, 0x00080018, 0x00080060, 0x00100020, 0x00280301, 0x00280010])
@pytest.mark.parametrize("undefined", [False, True])
def test_items_in_the_place_of_a_value_are_refused(tag: int, undefined: bool) -> None:
    items = [[Element(0x00100010, "PN", "Doe^John")]]
    assert reason(Element(tag, "SQ", items, undefined=undefined)) in ("vr-mismatch", "invalid-length", "missing-sop-class-uid")


def test_text_ends_at_a_nul() -> None:
    content = part10(ct(Element(0x00080060, "CS", b"MR\0SECRET"), Element(0x00080008, "CS", b"ORIGINAL\0X\\PRIMARY\0\0")))
    output = ANONYMIZER.anonymize(content)
    assert b"SECRET" not in output
    assert read(output).Modality == "MR"
    assert list(read(output).ImageType) == ["ORIGINAL", "PRIMARY"]


@pytest.mark.parametrize("padding", [b"MR\0", b"MR\0\0", b"MR ", b"MR", b"MR \0", b"\0\0"])
def test_padding_is_kept_as_it_is(padding: bytes) -> None:
    output = ANONYMIZER.anonymize(part10(ct(Element(0x00080060, "CS", padding))))
    assert b"CS" + (len(padding) + len(padding) % 2).to_bytes(2, "little") + padding in output


def test_numbers_written_as_text_are_only_wrong() -> None:
    output = ANONYMIZER.anonymize(part10(ct(Element(0x00181310, "US", b"0\\256.000\\256.000\\0 "))))
    assert b"0\\256.000\\256.000\\0 " in output


def test_a_sequence_that_runs_out_of_its_item_is_refused() -> None:
    inner = Element(0x00081140, "SQ", [[Element(0x00081155, "UI", "1.2.3.4")]], undefined=True)
    whole = Element(0x00082218, "SQ", [[inner]])
    content = part10(ct(whole))
    length = content.index(b"\x08\0\x18\x22SQ") + 8
    size = int.from_bytes(content[length : length + 4], "little")
    for shorter in (8, 16, 24):
        damaged = bytearray(content)
        damaged[length : length + 4] = (size - shorter).to_bytes(4, "little")
        damaged[length + 8 : length + 12] = (size - 8 - shorter).to_bytes(4, "little")
        with pytest.raises(DeidentificationError) as error:
            ANONYMIZER.anonymize(bytes(damaged))
        assert error.value.reason.value in ("invalid-length", "invalid-item", "invalid-vr")


@pytest.mark.parametrize("character", [b"\0\1", b"\x08", b"\x1f", b"\x0b"])
def test_control_characters_are_damage(character: bytes) -> None:
    assert reason(Element(0x00080070, "LO", b"A" + character + b"B")) == "invalid-value"


def test_characters_that_move_or_switch_are_text() -> None:
    text = b"A\tB\r\nC\fD\x1b$B0l\x1b(B"
    assert text in ANONYMIZER.anonymize(part10(ct(Element(0x00080070, "LO", text))))


@pytest.mark.parametrize("value", [b"YES", b"yes ", b"NO\\YES", b"YES\\NO", b"YES\0x"])
@pytest.mark.parametrize("nested", [False, True])
def test_burned_in_annotation_is_believed_in_every_form_and_at_every_depth(value: bytes, nested: bool) -> None:
    element = Element(0x00280301, "CS", value)
    assert reason(Element(0x00081115, "SQ", [[element]]) if nested else element) == "burned-in-annotation"


@pytest.mark.parametrize("tag", [0x00080018, 0x0020000D, 0x0020000E])
def test_an_object_has_one_identity(tag: int) -> None:
    assert reason(Element(tag, "UI", b"1.2.3\\1.2.4 ")) == "invalid-uid"


def test_a_uid_ends_at_a_nul_wherever_it_goes() -> None:
    plain = part10(ct(Element(0x00080018, "UI", b"1.2.3\0")))
    for profile in (ConfidentialityProfile(), ConfidentialityProfile.default("RetainUIDs")):
        anonymizer = Anonymizer(profile, key=KEY)
        output = anonymizer.anonymize(part10(ct(Element(0x00080018, "UI", b"1.2.3\0SECRET"))))
        assert b"SECRET" not in output
        assert read(output).file_meta.MediaStorageSOPInstanceUID == read(anonymizer.anonymize(plain)).SOPInstanceUID


@pytest.mark.parametrize("uid", ["ABC", "1.2/3", "../x", "1" * 65])
def test_a_retained_uid_that_is_none_is_refused(uid: str) -> None:
    with pytest.raises(DeidentificationError) as error:
        Anonymizer(ConfidentialityProfile.default("RetainUIDs"), key=KEY).anonymize(part10(ct(Element(0x00080018, "UI", uid))))
    assert error.value.reason.value == "invalid-uid"


def test_the_method_of_an_earlier_run_is_looked_at_like_any_text() -> None:
    output = ANONYMIZER.anonymize(part10(ct(Element(0x00120063, "LO", b"Earlier\0SECRET\\\\Other"))))
    assert b"SECRET" not in output
    assert b"Earlier" not in output and b"Other" not in output
    assert reason(Element(0x00120063, "LO", b"A\1B")) == "invalid-value"


@pytest.mark.parametrize("charset", ["", "ISO_IR 6", "\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "ISO_IR 999"])
def test_an_alias_is_written_in_the_objects_character_set_or_not_at_all(charset: str) -> None:
    profile = ConfidentialityProfile.default(patient_name="Müller^Jörg")
    content = part10(ct(Element(0x00080005, "CS", charset)))
    with pytest.raises(DeidentificationError) as error:
        Anonymizer(profile, key=KEY).anonymize(content)
    assert error.value.reason.value == "alias-not-encodable"
    latin = part10(ct(Element(0x00080005, "CS", "ISO_IR 100")))
    assert read(Anonymizer(profile, key=KEY).anonymize(latin)).PatientName == "Müller^Jörg"


def test_strict_leaves_no_short_string_that_no_table_names() -> None:
    code = Element(
        0x00540220,
        "SQ",
        [[Element(0x00080100, "SH", "T-1"), Element(0x00080102, "SH", "SRT"), Element(0x00080104, "LO", "Doe's hand")]],
    )
    blob = part10(ct(Element(0x00181210, "SH", "Doe kernel"), Element(0x00080070, "LO", "Doe Inc"), code))
    strict = Anonymizer(ConfidentialityProfile.default(strict=True), key=KEY).anonymize(blob)
    new = read(strict)
    assert b"Doe" not in strict
    assert (new.ConvolutionKernel, new.Manufacturer, new.Modality) == ("ANONYMIZED", "ANONYMIZED", "CT")
    (view,) = new.ViewCodeSequence
    assert (view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning) == ("T-1", "SRT", "ANONYMIZED")
    assert read(ANONYMIZER.anonymize(blob)).ConvolutionKernel == "Doe kernel"
    assert ConfidentialityProfile.default(strict=True).digest != ConfidentialityProfile().digest
