"""The columns of the audit tables."""

from collections.abc import Sequence

import pyarrow as pa

from ..records import UidRole

INSTANCES_SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("reason_tag", pa.string()),
        ("reason_keyword", pa.string()),
        ("notes", pa.list_(pa.string())),
        ("sop_class_uid", pa.string()),
        ("transfer_syntax_uid", pa.string()),
        ("study_instance_uid", pa.string()),
        ("series_instance_uid", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("output_name", pa.string()),
        ("size", pa.int64()),
        ("crc32c", pa.string()),
        (
            "actions",
            pa.list_(
                pa.struct(
                    [
                        ("path", pa.string()),
                        ("keyword", pa.string()),
                        ("action", pa.string()),
                        ("count", pa.int32()),
                        ("reason", pa.string()),
                    ]
                )
            ),
        ),
        ("source_version", pa.string()),
        ("container_id", pa.string()),
        ("study_hash", pa.string()),
        ("instance_hash", pa.binary(32)),
        ("pixel_risks", pa.list_(pa.string())),
        ("profile_digest", pa.string()),
        ("key_id", pa.string()),
        ("version", pa.string()),
        ("written_in", pa.string()),
        ("input_id", pa.string()),
        ("modality", pa.string()),
        ("patient_id", pa.string()),
        ("source_size", pa.int64()),
        ("since", pa.string()),
        ("settings_digest", pa.string()),
        ("patient_sex", pa.string()),
        ("patient_age", pa.string()),
    ]
)
UID_MAP_SCHEMA = pa.schema(
    [
        ("uid_hash", pa.binary(32)),
        ("new_uid", pa.string()),
        ("role", pa.string()),
        ("owned", pa.bool_()),
        ("owners", pa.list_(pa.binary(8))),
        ("users", pa.list_(pa.binary(16))),
        ("new_uid_hash", pa.binary(16)),
    ]
)
REFERENCES_SCHEMA = pa.schema(
    [
        ("uid_hash", pa.binary(32)),
        ("new_uid", pa.string()),
        ("role", pa.string()),
        ("outside", pa.bool_()),
        ("joins_patients", pa.bool_()),
        ("study_hashes", pa.list_(pa.string())),
    ]
)
PIXELS_SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("instance_hash", pa.binary(32)),
        ("output_name", pa.string()),
        ("frames", pa.int64()),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("source", pa.string()),
        ("rule", pa.string()),
        ("x0", pa.int32()),
        ("y0", pa.int32()),
        ("x1", pa.int32()),
        ("y1", pa.int32()),
        ("fill", pa.string()),
        ("codec_path", pa.string()),
        ("verdict", pa.string()),
        ("text_pictures", pa.int32()),
        ("text_rounds", pa.int32()),
        ("text_lines", pa.int32()),
        ("text_lines_kept", pa.int32()),
        ("text_least_score", pa.float32()),
    ]
)
ACTIONS = INSTANCES_SCHEMA.field("actions").type


def input_ids(ordinals: Sequence[int], inputs: Sequence[str]) -> pa.Array:
    """Return the ids of the inputs with these ordinals.

    Args:
        inputs: their ids, by their ordinals; empty: they are unknown.
    """
    kind = INSTANCES_SCHEMA.field("input_id").type
    return pa.array(inputs, kind).take(pa.array(ordinals, pa.int32())) if inputs else pa.nulls(len(ordinals), kind)


ROLES = {int(role): role.name.lower() for role in UidRole}
