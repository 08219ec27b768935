"""Devices of refused objects: pixel rules are written for one device and one size of image. Headers hold what audits don't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from anonymizer import DeidentificationError
from anonymizer.internals import SOP_CLASS, best_text, read_header_values
from storage import EndOfRunError, ObjectRef, StoredArchive, TransientError, retry_transient
from transforms import WorkerThreads, reading_order

from .quarantined import FoundObject

_CHARACTER_SET, _ROWS, _COLUMNS = 0x00080005, 0x00280010, 0x00280011
#: Manufacturer, ManufacturerModelName, StationName, SoftwareVersions
_TEXTS = (0x00080070, 0x00081090, 0x00081010, 0x00181020)
_WANTED = frozenset({_CHARACTER_SET, SOP_CLASS, _ROWS, _COLUMNS, *_TEXTS})
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
#: characters of a text: whoever writes more than that says nothing about a device
_LONGEST = 256
#: number of objects that are read at once
_BATCH = 1_000


class Device(NamedTuple):
    """A device, and the form of some of its images, as headers have them; ``""``: nothing is said about it."""

    manufacturer: str = ""
    manufacturer_model_name: str = ""
    station_name: str = ""
    software_versions: str = ""
    rows: str = ""
    columns: str = ""
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""


def devices_of(found: Iterable[FoundObject], archive: StoredArchive) -> list[tuple[Device, int, bytes]]:
    """Return devices with the number of their objects and the source name of one of them, those with most objects first.

    Objects whose header can't be read are of a device without any value. Memory grows with the number of devices.
    """
    groups: dict[Device, tuple[int, bytes]] = {}
    for one, device in with_devices(found, archive):
        count, example = groups.get(device, (0, one.source))
        groups[device] = count + 1, example
    return sorted(((device, *group) for device, group in groups.items()), key=lambda row: (-row[1], row[0]))


def with_devices(found: Iterable[FoundObject], archive: StoredArchive) -> Iterator[tuple[FoundObject, Device]]:
    """Yield objects with their devices, which are without any value where a header can't be read."""
    objects = iter(found)
    workers = WorkerThreads(archive.concurrency)
    try:
        while batch := list(islice(objects, _BATCH)):
            # members of a compressed tar are read in their order, by one thread
            ordered = reading_order(batch, lambda one: one.ref)
            for several, devices in zip(ordered, workers.map(partial(_read_all, archive), ordered), strict=True):
                yield from zip(several, devices, strict=True)
    finally:
        workers.close()


def _read_all(archive: StoredArchive, found: list[FoundObject]) -> list[Device]:
    devices = [_read_one(archive, one.ref) for one in found]
    archive.release()
    return devices


def _read_one(archive: StoredArchive, ref: ObjectRef) -> Device:
    try:
        return retry_transient(partial(_read, archive, ref))
    except EndOfRunError:
        raise
    except (DeidentificationError, OSError, TransientError):
        return Device()


def _read(archive: StoredArchive, ref: ObjectRef) -> Device:
    with archive.open(ref, header=True) as stream:
        syntax, values = read_header_values(stream, _WANTED, padded=True)
    charset = values.get(_CHARACTER_SET, b"").decode("latin-1").strip("\0 ")
    texts = [best_text(values.get(tag, b""), charset).strip("\0 ")[:_LONGEST] for tag in (*_TEXTS, SOP_CLASS)]
    sizes = [_number(values.get(tag, b""), syntax) for tag in (_ROWS, _COLUMNS)]
    return Device._make((*texts[:-1], *sizes, texts[-1], syntax))


def _number(value: bytes, syntax: str) -> str:
    return str(int.from_bytes(value, "big" if syntax == _BIG_ENDIAN else "little")) if len(value) == 2 else ""
