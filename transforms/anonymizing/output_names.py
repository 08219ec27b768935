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
    parts = _parts(study, series, instance)
    for part in parts:
        # retained UIDs come from the object: nothing but a UID may become a path
        if part not in ("no-study", "no-series") and (not UID_NAME.fullmatch(part) or not part.strip(".")):
            raise DeidentificationError(Reason.INVALID_UID)
    return _joined(parts)


def with_earlier_output(row: AuditRow, earlier: EarlierOutput | None) -> AuditRow:
    """Return a row with a note if the object's earlier output has another name, and so is left."""
    if earlier is None:
        return row
    name = row.output_name or _joined(_parts(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid))
    if earlier.name == name:
        return row
    return row._replace(notes=(*row.notes, Note.EARLIER_OUTPUT_LEFT.value))


def _parts(study: str, series: str, instance: str) -> tuple[str, str, str]:
    return study or "no-study", series or "no-series", instance


def _joined(parts: tuple[str, str, str]) -> str:
    return "/".join(parts) + ".dcm"
