"""The sex and age of patients that the audit tells of are those that stand in the outputs."""

from __future__ import annotations

import io
import re

import pytest

from anonymizer import Anonymizer, Key
from profiles import ConfidentialityProfile
from profiles.custom.files import read_csv
from tests.support.objects import Element, ct, part10, read

VALUES = [
    (sex, age)
    for sex in (None, "", "M", "F", "O", "m", "MALE", "DOE^JANE", "M\\F", "F\0 SECRET", "O ")
    for age in (None, "", "042Y", "090Y", "095Y", "003D", "011M", "999W", "42", "7m", "042Y\\043Y", "00Y", "042Y\0X")
]
CUSTOM = {
    "replaced": "PatientSex;D;O\nPatientAge;D;050Y\n",
    "removed": "PatientSex;X\nPatientAge;X\n",
    "kept": "PatientSex;K!\nPatientAge;K!\n",
    "other": "PatientSex;D;DOE\nPatientAge;Z\n",
}
PROFILES = ["", "RetainPatientChars", "RetainPatientChars capped", "RetainPatientChars,CleanDesc", *CUSTOM]


def _profile(name: str) -> ConfidentialityProfile:
    if name in CUSTOM:
        return ConfidentialityProfile.default("RetainPatientChars", custom=read_csv(CUSTOM[name], "rules.csv"))
    options, _, capped = name.partition(" ")
    return ConfidentialityProfile.default(options or None, cap_ages=bool(capped))


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_told_is_what_the_output_has(name: str) -> None:
    anonymizer = Anonymizer(_profile(name), key=Key(bytes(range(32))))
    told = 0
    for number, (sex, age) in enumerate(VALUES):
        extra = [Element(0x00200013, "IS", str(number))]
        extra += [Element(0x00100040, "CS", sex)] if sex is not None else []
        extra += [Element(0x00101010, "AS", age)] if age is not None else []
        output = io.BytesIO()
        report = anonymizer.anonymize_file(io.BytesIO(part10(ct(*extra))), output)
        written = read(output.getvalue())
        for has, says, pattern in (
            (written.get("PatientSex"), report.patient_sex, "[MFOmfo]"),
            (written.get("PatientAge"), report.patient_age, "[0-9]{1,3}[DWMYdwmy]?"),
        ):
            text = "" if has is None else str(has)
            expected = text.upper() if re.fullmatch(pattern, text) else "?" if text else ""
            if pattern.startswith("[0") and expected not in ("", "?"):
                # as the standard writes it; readers take an age without a unit for one in years
                expected = f"{int(text.rstrip('DWMYdwmy')):03}{expected[-1] if expected[-1] in 'DWMY' else 'Y'}"
            # what is left of an illegal value isn't told
            assert says in {expected} | ({""} if "illegal" in str(report.notes) else set()), (sex, age, text)
            told += bool(says)
    assert bool(told) == (name not in ("", "removed"))
