"""Names of outputs: by the new UIDs, and the earlier ones of objects whose UIDs changed."""

import re

from anonymizer import DeidentificationError, Note, Reason

from ..records import AuditRow, EarlierOutput

UID_NAME = re.compile(r"[0-9.]{1,64}")


def output_name(study: str, series: str, instance: str) -> str:
    """Return ``<study>/<series>/<instance>.dcm`` by the new UIDs; objects outside of studies go to ``no-study/no-series``.

    Raises:
        DeidentificationError: a retained UID that can't be a name.
    """
    names = _parts(study, series, instance)
    for name in names:
        # retained UIDs come from the object: nothing but a UID may become a path
        if name not in ("no-study", "no-series") and (not UID_NAME.fullmatch(name) or not name.strip(".")):
            raise DeidentificationError(Reason.INVALID_UID)
    return "/".join(names) + ".dcm"


def with_earlier_output(row: AuditRow, earlier: EarlierOutput | None) -> AuditRow:
    """Return a row with a note if the object's earlier output has another name, and so is left."""
    parts = _parts(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
    name = row.output_name or f"{'/'.join(parts)}.dcm"
    if earlier is None or earlier.name == name:
        return row
    return row._replace(notes=(*row.notes, Note.EARLIER_OUTPUT_LEFT.value))


def _parts(study: str, series: str, instance: str) -> tuple[str, str, str]:
    return study or "no-study", series or "no-series", instance
