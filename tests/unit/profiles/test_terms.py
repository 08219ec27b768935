"""Terms of attributes, names of devices, codes of published schemes: known ones are known, and people's names are not."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from profiles.dictionary import dictionary, repeating, tags
from profiles.tables import DATA, modalities, parse_tag, read_rows
from profiles.terms import coding_scheme_uids, is_enumerated, is_term, published_schemes, scheme_has_code, terms_of

ROWS = list(read_rows("terms.csv"))
WORDS = [line for line in (DATA / "device_words.txt").read_text().splitlines() if not line.startswith("#")]
#: surnames that are words of no device, and no terms of anything
SURNAMES = ["Miller", "Müller", "Garcia", "Nguyen", "Yamada", "Okafor", "Johansson", "O'Brien", "Kowalski", "De Vries", "李"]
LENGTHS = {"CS": 16, "SH": 16, "LO": 64, "ST": 1024}


def terms_in(row: dict[str, str]) -> list[str]:
    return row["terms"].split("\\") if row["terms"] else []


def known(keyword: str, value: str) -> bool:
    return is_term(tags()[keyword], value)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("BodyPartExamined", "HEAD"),
        ("BodyPartExamined", " Chest "),
        ("BodyPartExamined", "abdomenpelvis"),
        ("BodyPartExamined", "ENDONASOPHARYNYX"),  # as DICOM spells it
        ("Modality", "CT"),
        ("Modality", "XAPROTOCOL"),
        ("ImageType", "ORIGINAL"),
        ("ImageType", "M_FFE"),
        ("ImageType", "THUMBNAIL"),
        ("ImageType", "PROJECTION IMAGE"),
        ("FrameType", "CARDIAC_CASCORE"),
        ("PhotometricInterpretation", "PALETTE COLOR"),
        ("SpecificCharacterSet", "ISO 2022 IR 87"),
        ("PatientPosition", "HFS"),
        ("PatientOrientation", "HRA"),
        ("ViewPosition", "LLO"),
        ("Laterality", "L"),
        ("SequenceVariant", "MTC"),
        ("ScanOptions", "HELICAL MODE"),
        ("RescaleType", "HU"),
        ("Units", "BQML"),
        ("FilterType", "BOWTIE"),
        ("GeometryOfKSpaceTraversal", "SPIRAL"),
        ("RTROIInterpretedType", "CTV"),
        ("DirectoryRecordType", "RT DOSE"),
        ("SegmentationType", "LABELMAP"),
        ("ContrastBolusAgent", "Omnipaque 350 mg/ml"),
        ("Radiopharmaceutical", "F-18 Fluorodeoxyglucose"),
        ("ConvolutionKernel", "BONEPLUS"),
        ("ReceiveCoilName", "Head/Neck 20"),
        ("PatientSpeciesDescription", "Homo sapiens"),
        ("ReconstructionMethod", "OSEM 3i21s"),
    ],
)
def test_a_known_value_is_a_term(keyword: str, value: str) -> None:
    assert known(keyword, value)


def test_a_surname_is_no_term() -> None:
    assert [(row["keyword"], name) for row in ROWS for name in SURNAMES if is_term(parse_tag(row["tag"]), name)] == []


def test_a_term_of_one_attribute_is_none_of_another() -> None:
    assert known("BodyPartExamined", "HEAD") and not known("ImageType", "HEAD")
    assert not known("StudyDescription", "HEAD")
    assert terms_of(tags()["StudyDescription"]) == frozenset()
    assert not is_enumerated(tags()["StudyDescription"])


@pytest.mark.parametrize("value", ["", " ", "HEAD\\CHEST", "HEAD MILLER", "MILLER"])
def test_a_value_must_be_the_whole_term(value: str) -> None:
    assert not known("BodyPartExamined", value)


def test_enumerated_values_are_told_from_defined_terms() -> None:
    assert [
        keyword
        for keyword in ("PatientSex", "BurnedInAnnotation", "Laterality", "GraphicType")
        if not is_enumerated(tags()[keyword])
    ] == []
    assert [
        keyword for keyword in ("Modality", "ImageType", "BodyPartExamined", "Manufacturer") if is_enumerated(tags()[keyword])
    ] == []


def test_repeating_groups_have_their_terms() -> None:
    assert is_term(0x60000045, "USER") and is_term(0x601E0045, "AUTOMATED") and is_enumerated(0x60020040)
    assert not is_term(0x60000045, "MILLER")
    assert is_term(0x50040020, "ECG")


@pytest.mark.parametrize(
    "value",
    [
        "Philips Medical Systems",
        "SIEMENS",
        "Siemens Healthineers AG",
        "GE MEDICAL SYSTEMS",
        "TOSHIBA_MEC",
        "FUJIFILM Corporation",
        "Hologic, Inc.",
        "KONICA MINOLTA, INC.",
        "Canon Medical Systems Corporation",
    ],
)
def test_a_maker_is_known_by_its_words(value: str) -> None:
    assert known("Manufacturer", value)
    assert known("Manufacturer", value.lower())


@pytest.mark.parametrize(
    "value",
    [
        "SOMATOM Definition AS+",
        "LightSpeed VCT",
        "Discovery MR750w",
        "Ingenia Elition X",
        "MAGNETOM Vida",
        "Aquilion ONE",
        "Biograph64_mCT",
    ],
)
def test_a_model_is_known_by_its_words(value: str) -> None:
    assert known("ManufacturerModelName", value)


@pytest.mark.parametrize(
    "value", ["Philips Garcia", "Dr. Müller, Siemens", "Siemens 李", "", "  ", "12345", "S/N 1234567", "M. K."]
)
def test_a_name_among_words_of_devices_is_not_known_and_neither_is_a_number(value: str) -> None:
    assert not known("Manufacturer", value)


def test_software_is_known_by_its_words() -> None:
    assert known("SoftwareVersions", "syngo CT VA48A") and not known("SoftwareVersions", "syngo Garcia")


@given(st.sampled_from([row for row in ROWS if terms_in(row) and "x" not in row["tag"]]), st.data())
def test_each_term_of_the_table_is_one(row: dict[str, str], data: st.DataObject) -> None:
    term = data.draw(st.sampled_from(terms_in(row)))
    assert is_term(parse_tag(row["tag"]), data.draw(st.sampled_from([term, term.lower(), f" {term} "])))
    assert term.upper() in terms_of(parse_tag(row["tag"]))
    assert is_enumerated(parse_tag(row["tag"])) == (row["kind"] == "E")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["keyword"])
def test_a_row_is_in_order_and_its_terms_are_legal(row: dict[str, str]) -> None:
    groups = {entry.text: entry.entry for entry in repeating()}
    entry = groups[row["tag"]] if "x" in row["tag"] else dictionary()[parse_tag(row["tag"])]
    assert entry.keyword == row["keyword"]
    assert row["kind"] in ("E", "D", "W")
    terms = terms_in(row)
    assert terms or row["kind"] == "W"
    assert terms == sorted(set(terms))
    assert [
        term for term in terms if not 0 < len(term) <= LENGTHS[entry.vr] or term != term.strip() or not term.isprintable()
    ] == []
    if entry.vr == "CS":
        assert [term for term in terms if not re.fullmatch(r"[A-Z0-9_ ]+", term)] == []
    if row["kind"] == "W":
        assert [term for term in terms if not re.fullmatch(r"[A-Z]{2,}", term)] == []


def test_the_tables_are_sorted_and_name_nothing_twice() -> None:
    numbers = [parse_tag(row["tag"]) for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert sorted(set(WORDS)) == WORDS
    assert [word for word in WORDS if not re.fullmatch("[a-z]{2,}", word)] == []
    designators = [row["designator"] for row in read_rows("coding_schemes.csv")]
    assert designators == sorted(set(designators))


def test_modalities_are_those_of_their_own_table() -> None:
    assert modalities() <= terms_of(tags()["Modality"])
    assert terms_of(tags()["ModalitiesInStudy"]) >= modalities()


@pytest.mark.parametrize(
    ("scheme", "right", "wrong"),
    [
        ("SCT", "76752008", "76752009"),  # the check digit
        ("SCT", "818981001", "819881001"),  # two digits that changed places
        ("SCT", "69536005", "12345"),
        ("LN", "11524-6", "11524-0"),
        ("LN", "18748-4", "18784-4"),
        ("CDCREC", "2106-3", "2106-4"),
        ("DCM", "113100", "213100"),
        ("DCM", "MR", "Miller"),
        ("SRT", "T-B7000", "TB7000"),
        ("SNM3", "P2-10700", "Miller"),
        ("99SDM", "R-FAB52", "R-SMITH"),
        ("UCUM", "mm2/s", "miller"),
        ("UCUM", "g/ml{SUVlbm(James128)}", "g/ml{Miller}"),
        ("UCUM", "[hnsf'U]", "[miller]"),
        ("RADLEX", "RID49480", "RID Miller"),
        ("FMA", "276650", "Miller"),
        ("NCIt", "C94970", "94970"),
        ("UMLS", "C0051482", "C005148"),
        ("MSH", "D009010", "Miller"),
        ("I10", "R97.20", "Miller"),
        ("I9C", "V76.12", "Miller"),
        ("I10P", "B020ZZZ", "HOFFMAN"),
        ("C4", "70450", "7045"),
        ("IBSI", "8ZQL", "ADAM"),
        ("DCMUID", "1.2.840.10008.1.2", "1.2.840.1008.1.2"),
    ],
)
def test_a_code_is_known_by_its_form(scheme: str, right: str, wrong: str) -> None:
    assert scheme_has_code(scheme, right) and scheme_has_code(f" {scheme} ", f"{right} ")
    assert not scheme_has_code(scheme, wrong)
    assert not scheme_has_code(scheme, f"{right}\n{wrong}")


@pytest.mark.parametrize("scheme", ["99ACME", "", "L", "sct"])
def test_a_scheme_that_nobody_published_has_no_codes(scheme: str) -> None:
    assert scheme not in published_schemes()
    assert not scheme_has_code(scheme, "76752008")


@pytest.mark.parametrize("scheme", sorted(published_schemes()))
def test_a_surname_is_no_code(scheme: str) -> None:
    assert [name for name in [*SURNAMES, "LEE", "Lee", "JACKSON", "Adams", ""] if scheme_has_code(scheme, name)] == []


@given(st.integers(10**5, 10**17 - 1))
def test_a_mistyped_digit_of_a_snomed_code_is_found(number: int) -> None:
    last = [digit for digit in range(10) if scheme_has_code("SCT", f"{number}{digit}")]
    assert len(last) == 1


@pytest.mark.parametrize(
    "scheme", ["SCT", "DCM", "LN", "UCUM", "RADLEX", "FMA", "NCIt", "UMLS", "MSH", "MDC", "NDC", "I10", "BARI", "NEU"]
)
def test_the_codes_of_ps3_16_have_the_form(scheme: str) -> None:
    codes = {code for names in concepts[scheme].values() for code in names if code}
    codes -= {"115347700", "11524-0", "2: 33792", "Margin"}  # mistyped there, or a word
    codes -= {code for code in codes if scheme == "LN" and re.fullmatch(r"C\d+", code)}  # those are of NCIt
    assert [code for code in codes if not scheme_has_code(scheme, code)] == []


def test_the_retired_codes_of_snomed_have_the_form() -> None:
    assert [code for code in mapping["SRT"] if not scheme_has_code("SRT", code)] == []
    assert [code for code in mapping["SCT"] if not scheme_has_code("SCT", code)] == []


def test_uids_of_published_schemes_are_known() -> None:
    known_uids = ["2.16.840.1.113883.6.96", "1.2.840.10008.2.16.4", "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.256"]
    assert set(known_uids) <= coding_scheme_uids()
    registered = {row["uid"] for row in read_rows("uids.csv") if "Coding Scheme" in row["kind"]}
    assert registered <= coding_scheme_uids()
    assert [uid for uid in coding_scheme_uids() if not re.fullmatch(r"[0-2](\.(0|[1-9]\d*))+", uid)] == []


def test_importing_it_reads_nothing() -> None:
    read = "[cache.cache_info().currsize for cache in (t._table, t._schemes, t._device_words, t.coding_scheme_uids)]"
    code = f"import profiles.terms as t; print({read})"
    done = subprocess.run([sys.executable, "-c", code], cwd=DATA.parents[1], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[0, 0, 0, 0]"
