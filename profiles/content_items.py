"""Content items of structured documents: Table E.3.4-1 and what it means for the attribute that holds an item's value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .actions import Action
from .options import ProfileOptions
from .tables import option_actions, read_rows, shared_date_concepts

#: the attribute that holds the value, by ValueType (PS3.3 C.17.3.2); values of other types are in sequences
VALUE_ATTRIBUTES = {
    "TEXT": 0x0040A160,
    "DATETIME": 0x0040A120,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "PNAME": 0x0040A123,
    "UIDREF": 0x0040A124,
}
#: of an item that is a code (PS3.3 8.8): CodeValue, CodingSchemeDesignator, CodeMeaning
CODE_VALUE, CODING_SCHEME, CODING_SCHEME_VERSION, CODE_MEANING = 0x00080100, 0x00080102, 0x00080103, 0x00080104
CODE_ATTRIBUTES = frozenset({CODE_VALUE, CODING_SCHEME, CODE_MEANING})
#: schemes in which SNOMED concepts were coded before SCT
_RETIRED_SCHEMES = frozenset({"SRT", "SNM3", "99SDM"})

#: sequences of content items: ContentSequence, AcquisitionContextSequence, ContentItemModifierSequence,
#: SpecimenPreparationStepContentItemSequence
CONTENT_SEQUENCE = 0x0040A730
CONTENT_SEQUENCES = frozenset({CONTENT_SEQUENCE, 0x00400555, 0x00400441, 0x00400612})


#: TEXT items that repeat what an attribute of the equipment says (PS3.16 TID 1004), by concept: DeviceObserverManufacturer and
#: DeviceObserverModelName; Manufacturer, ManufacturerModelName
DEVICE_CONCEPTS = {("121014", "DCM"): 0x00080070, ("121015", "DCM"): 0x00081090}


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A row of Table E.3.4-1."""

    basic: Action
    options: tuple[tuple[ProfileOptions, Action], ...]

    def action(self, options: ProfileOptions) -> Action:
        """Return the action under ``options``: those that retain come before those that clean."""
        chosen = {action for option, action in self.options if option in options}
        return next((action for action in (Action.K, Action.C) if action in chosen), self.basic)


@cache
def _rows() -> dict[tuple[str, str, str], ContentRow]:
    rows: dict[tuple[str, str, str], ContentRow] = {}
    for row in read_rows("e3_4_1.csv"):
        options = option_actions(row)
        if (row["code_value"], row["coding_scheme"]) in shared_date_concepts():
            # moved, it would tell how far others moved
            options = tuple(pair for pair in options if pair[0] is not ProfileOptions.RetainLongModifDates)
        content = ContentRow(Action(row["BasicProfile"]), options)
        rows[row["code_value"], row["coding_scheme"], row["value_type"]] = content
        if row["retired_code"]:
            rows[row["retired_code"], "SRT", row["value_type"]] = content
    return rows


def content_row(code_value: str, coding_scheme: str, value_type: str) -> ContentRow | None:
    """Return the row for an item's concept name and value type (PS3.15 Table E.3.4-1), None where the table has none."""
    scheme = "SRT" if coding_scheme in _RETIRED_SCHEMES else coding_scheme
    return _rows().get((code_value, scheme, value_type))
