"""Inventories that stores write of a bucket: the files that hold the lists."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from ..locations import scheme_of
from .columns import Columns
from .names import Folder, ManifestError

_ARN = ":s3:::"
_FORMATS = {"CSV": ".csv.gz", "ORC": ".orc", "PARQUET": ".parquet"}


class InventoryFile(NamedTuple):
    """A file with a part of an inventory, to be read by ``read_manifest``.

    Attributes:
        uri: its path or URI.
        schema: names of the columns of CSV that may have no header.
    """

    uri: str
    schema: tuple[str, ...] = ()


def inventory_files(content: bytes, name: str) -> list[InventoryFile]:
    """Return the files of an inventory, of S3 Inventory or an inventory report of Google Cloud Storage.

    S3 Inventory names its files by bucket and key. Where its manifest was copied to this machine, and a file of the same
    base name lies beside it, or in ``data`` beside its folder as in the bucket, then that is the one. Those of Google Cloud
    Storage always lie beside the manifest.

    Args:
        content: the manifest.
        name: its path or URI.

    Raises:
        ManifestError: neither of the two, or it can't be used.
    """
    try:
        manifest = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ManifestError("no JSON that can be read") from None
    if isinstance(manifest, dict):
        if "report_shards_file_names" in manifest:
            return _of_google(manifest, name)
        if "fileFormat" in manifest and "files" in manifest:
            return _of_s3(manifest, name)
    raise ManifestError("neither S3 Inventory nor an inventory report of Google Cloud Storage")


def _of_s3(manifest: dict[str, Any], name: str) -> list[InventoryFile]:
    suffix = _FORMATS.get(str(manifest["fileFormat"]).upper())
    if suffix is None:
        raise ManifestError(f"fileFormat is none of {', '.join(_FORMATS)}")
    schema: tuple[str, ...] = ()
    if suffix == ".csv.gz":
        # Parquet and ORC say it themselves
        schema = _schema(str(manifest.get("fileSchema", "")).split(","), name)
    # "arn:aws:s3:::bucket", with other partitions than aws; or as imitators have it, the bucket alone
    bucket = _string(manifest.get("destinationBucket"), "destinationBucket").rpartition(_ARN)[2]
    if not bucket or "/" in bucket or ":" in bucket:
        raise ManifestError("destinationBucket is no bucket")
    found = []
    for number, file in enumerate(_list(manifest["files"], "files"), 1):
        where = f"files, number {number}"
        key = _string(file.get("key") if isinstance(file, dict) else None, f"{where}: key")
        if not key.endswith(suffix):
            raise ManifestError(f"{where}: its name doesn't end in {suffix}")
        found.append(InventoryFile(_copy(key, name) or f"s3://{bucket}/{key}", schema))
    return found


def _copy(key: str, manifest: str) -> str:
    """Return the path of a copy on this machine, empty if there is none."""
    if scheme_of(manifest):
        return ""
    folder, base = os.path.dirname(os.path.abspath(manifest)), key[key.rfind("/") + 1 :]
    places = (os.path.join(folder, base), os.path.join(os.path.dirname(folder), "data", base))
    return next(filter(os.path.isfile, places), "")


def _of_google(manifest: dict[str, Any], name: str) -> list[InventoryFile]:
    # whether CSV has a header is for who configures the report; the schema says the columns where it has none
    schema: tuple[str, ...] = ()
    config = manifest.get("report_config")
    options = config.get("object_metadata_report_options") if isinstance(config, dict) else None
    if isinstance(options, dict) and "metadata_fields" in options:
        fields = [_string(field, "metadata_fields") for field in _list(options["metadata_fields"], "metadata_fields")]
        schema = _schema(fields, name)
    folder = name[: name.rfind("/") + 1] if scheme_of(name) else os.path.join(os.path.dirname(os.path.abspath(name)), "")
    found = []
    for number, shard in enumerate(_list(manifest["report_shards_file_names"], "report_shards_file_names"), 1):
        where = f"report_shards_file_names, number {number}"
        shard = _string(shard, where)
        if not shard.endswith((".csv", ".parquet")):
            raise ManifestError(f"{where}: its name doesn't end in .csv or .parquet")
        base = shard[shard.rfind("/") + 1 :]
        found.append(InventoryFile(folder + base, schema if base.endswith(".csv") else ()))
    return found


def _schema(columns: list[str], name: str) -> tuple[str, ...]:
    schema = tuple(column.strip() for column in columns)
    if not all(schema) or "," in "".join(schema):
        raise ManifestError("the columns have no names that can be used")
    # does it name objects?
    Columns(schema, Folder(name), unit="line", encoded=True)
    return schema


def _string(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ManifestError(f"{what}: text is needed")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ManifestError(f"{what}: a list is needed")
    return value
