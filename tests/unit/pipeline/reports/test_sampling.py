"""A bound is stated only where nothing was found in enough patients, all of whom were looked at."""

from __future__ import annotations

import pytest

from pipeline.reports.sampling import DrawnPatient, PatientVerdict, Sample, VerdictError, read_verdicts

HEAD = "patient_id,verdict,reviewer,drawn\n"


def sample(verdicts: list[str], of: int = 1000) -> Sample:
    patients = tuple(DrawnPatient(f"P{number}", ("1.2",)) for number in range(len(verdicts)))
    given = {f"P{number}": PatientVerdict(verdict, "R") for number, verdict in enumerate(verdicts) if verdict}
    return Sample(patients, of, given)


@pytest.mark.parametrize(
    ("verdicts", "bound"),
    [
        (["clear"] * 60, "3/60"),
        (["clear"] * 30, "3/30"),
        (["clear"] * 29, None),
        (["clear"] * 35 + [""] + ["clear"] * 50, None),
        (["clear"] * 59 + [""], None),
        ([""] + ["clear"] * 99, None),
        (["clear"] * 99 + ["found"], None),
        # found behind a gap is found all the same
        (["clear"] * 50 + ["", "found"], None),
    ],
)
def test_the_bound(verdicts: list[str], bound: str | None) -> None:
    said = sample(verdicts).statement()
    assert (f"at most {bound} " in said) if bound else "at most" not in said


def test_all_patients_looked_at_need_no_bound() -> None:
    assert "looked at all of these" in (said := sample(["clear"] * 12, of=12).statement()) and "at most" not in said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"patient,verdict\nP1,clear\n",
        HEAD.encode() + b"P1,maybe,R,s1\n",
        HEAD.encode() + b"P1,clear,,s1\n",
        HEAD.encode() + b"P1,clear,R,s1\nP1,found,R,s1\n",
        HEAD.encode() + b"P1\n",
        b"\xff\xfe" + HEAD.encode(),
    ],
)
def test_what_is_no_file_of_verdicts_is_refused_without_a_value(content: bytes) -> None:
    with pytest.raises(VerdictError) as caught:
        read_verdicts(content)
    assert "P1" not in str(caught.value) and "maybe" not in str(caught.value)


def test_verdicts_are_read_as_spreadsheets_write_them() -> None:
    head = '\ufeff"Reviewer","patient_id","verdict","drawn"\r\n'
    read = read_verdicts(f'{head}"R","\'=P1","Clear","s1"\r\n,,,\r\n"","P2","","s2"\r\n'.encode())
    assert read == {"=P1": PatientVerdict("clear", "R", "s1")}
