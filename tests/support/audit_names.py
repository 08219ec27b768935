"""The names in ``docs/reference/views.sql``, of the project's tables; ``python -m tests.support.audit_names`` writes them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from profiles import modalities

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ROOT / "docs" / "reference" / "views.sql"
DATA = ROOT / "profiles" / "data"
_WIDTH = 128
#: PS3.3 C.7.3.1.1.1, in few words
MODALITIES = """
ANN Annotation; AR Autorefraction; ASMT Content Assessment Results; AU Audio; BDUS Ultrasound Bone Densitometry; BI Biomagnetic
Imaging; BMD Bone Densitometry (X-Ray); CFM Confocal Microscopy; CR Computed Radiography; CT Computed Tomography; CTPROTOCOL CT
Protocol (Performed); DMS Dermoscopy; DG Diaphanography; DOC Document; DX Digital Radiography; ECG Electrocardiography; EEG
Electroencephalography; EMG Electromyography; EOG Electrooculography; EPS Cardiac Electrophysiology; ES Endoscopy; FID Fiducials;
GM General Microscopy; HC Hard Copy; HD Hemodynamic Waveform; IO Intra-Oral Radiography; IOL Intraocular Lens Data; IVOCT
Intravascular Optical Coherence Tomography; IVUS Intravascular Ultrasound; KER Keratometry; KO Key Object Selection; LEN
Lensometry; LS Laser Surface Scan; M3D Model for 3D Manufacturing; MG Mammography; MR Magnetic Resonance; NM Nuclear Medicine; OAM
Ophthalmic Axial Measurements; OCT Optical Coherence Tomography (non-Ophthalmic); OP Ophthalmic Photography; OPM Ophthalmic
Mapping; OPT Ophthalmic Tomography; OPTBSV Ophthalmic Tomography B-scan Volume Analysis; OPTENF Ophthalmic Tomography En Face; OPV
Ophthalmic Visual Field; OSS Optical Surface Scan; OT Other; PA Photoacoustic; PLAN Plan; POS Position Sensor; PR Presentation
State; PT Positron Emission Tomography; PX Panoramic X-Ray; REG Registration; RESP Respiratory Waveform; RF Radio Fluoroscopy; RG
Radiographic Imaging (Film/Screen); RTDOSE RT Dose; RTIMAGE RT Image; RTINTENT RT Physician Intent; RTPLAN RT Plan; RTRAD RT
Radiation; RTRECORD RT Treatment Record; RTSEGANN RT Segment Annotation; RTSTRUCT RT Structure Set; RWV Real World Value Map; SEG
Segmentation; SM Slide Microscopy; SMR Stereometric Relationship; SR Structured Report Document; SRF Subjective Refraction; STAIN
Automated Slide Stainer; TEXTUREMAP Texture Map; TG Thermography; US Ultrasound; VA Visual Acuity; XA X-Ray Angiography;
XAPROTOCOL XA Protocol (Performed); XC External-Camera Photography; AS Angioscopy; CD Color Flow Doppler; CF Cinefluorography; CP
Colposcopy; CS Cystoscopy; DD Duplex Doppler; DF Digital Fluoroscopy; DM Digital Microscopy; DS Digital Subtraction Angiography;
EC Echocardiography; FA Fluorescein Angiography; FS Fundoscopy; LP Laparoscopy; MA Magnetic Resonance Angiography; MS Magnetic
Resonance Spectroscopy; OPR Ophthalmic Refraction; ST Single-Photon Emission Computed Tomography; VF Videofluorography
"""


def _modalities() -> list[tuple[str, str]]:
    named = dict(one.strip().split(None, 1) for one in " ".join(MODALITIES.split()).split(";"))
    assert set(named) == set(modalities()), "a Defined Term has no name, or a name isn't of one"
    return sorted(named.items())


def _sop_classes() -> list[tuple[str, str]]:
    with (DATA / "iods.csv").open() as file:
        with_iod = {row["sop_class_uid"] for row in csv.DictReader(file)}
    with (DATA / "uids.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "SOP Class"]
    return [(row["uid"], row["keyword"]) for row in rows if "Storage" in row["keyword"] or row["uid"] in with_iod]


def _table(name: str, columns: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"CREATE OR REPLACE TEMP TABLE {name} AS FROM (VALUES"
    line = ""
    cells = [f"('{one}', '{other}')" for one, other in rows]
    for cell in [*(f"{cell}, " for cell in cells[:-1]), cells[-1]]:
        if len(line) + len(cell) > _WIDTH:
            yield line.rstrip()
            line = ""
        line += cell
    yield line
    yield f") AS named ({columns});"


def names() -> str:
    """What stands between the marks."""
    lines = [
        *_table("modalities", "code, name", _modalities()),
        *_table("sop_classes", "uid, name", _sop_classes()),
    ]
    return "\n".join(lines) + "\n"


def with_names(sql: str) -> str:
    """The file with the names as they are now."""
    return re.sub(r"(?s)(-- <names>\n).*(-- </names>\n)", lambda marks: marks[1] + names() + marks[2], sql)


if __name__ == "__main__":
    VIEWS.write_text(with_names(VIEWS.read_text()))
