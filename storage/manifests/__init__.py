"""Manifests as inputs: lists of object names, in text, CSV, Parquet or ORC, and the inventories that stores make of buckets."""

from .grouping import by_container as by_container
from .inventories import InventoryFile as InventoryFile
from .inventories import inventory_files as inventory_files
from .kinds import is_manifest as is_manifest
from .kinds import looks_like_manifest as looks_like_manifest
from .kinds import read_manifest as read_manifest
from .names import ManifestEntry as ManifestEntry
from .names import ManifestError as ManifestError
from .writing import write_manifest as write_manifest
