"""Group instances into work units: studies that are small together, those that are large in parts."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton, PCollection

from .metrics import WORK_UNITS, counter
from .records import InstanceHeader, ObjectRef, Packing, WorkUnit

#: instances in a work unit: what its instances share is then small beside them, and units spread over the workers
UNIT_SIZE = 256
#: bytes in a work unit, where it has several instances: the work of about a second
UNIT_BYTES = 128 << 20
#: instances of one study that may come together under one key. Engines hold a key's values in memory, so larger studies get
#: several keys; few are so large that their sizes, a side input, are a few tens of megabytes for a billion instances.
PART_SIZE = 4096
#: instances under a key that smaller studies share, on average: a key for each would cost more than its instances do, where
#: these are few
SHARED_SIZE = 1024
#: what is kept of a study's keyed hash to tell it from others
STUDY_ID_SIZE = 16

Header = tuple[Any, ...]


def study_id(header: InstanceHeader) -> bytes:
    """What tells the header's study from others."""
    return header.study[:STUDY_ID_SIZE]


def key_of_instance(study: bytes, instance: bytes, large: Mapping[bytes, int], shared: int, part_size: int = PART_SIZE) -> bytes:
    """The key under which an instance is grouped: small studies are whole under one, and objects of one instance always.

    Args:
        study, instance: keyed hashes, 32 bytes each.
        large: objects in each study that has more than ``part_size``.
        shared: number of keys for the studies that are not large.
    """
    # hashes are spread evenly, and so are studies over the shared keys, and instances over the parts
    if study not in large:
        return _spread(study, shared)
    return study[:STUDY_ID_SIZE] + _spread(instance, -(-large[study] // part_size))


def _spread(keyed_hash: bytes, over: int) -> bytes:
    return (int.from_bytes(keyed_hash[:8], "big") * over >> 64).to_bytes(4, "big")


def split_key(
    key: bytes, headers: Iterable[Header], unit_size: int = UNIT_SIZE, unit_bytes: int = UNIT_BYTES
) -> Iterator[WorkUnit]:
    """The units of what has one key. Objects with one SOPInstanceUID stay together, so that a unit sees its duplicates.

    What a unit has of a study depends on what of the study has this key: neither on the order in which it arrives, nor on other
    studies.
    """
    ordered = sorted(
        (InstanceHeader(*header) for header in headers), key=lambda header: (header.study, header.instance, header.source_id)
    )
    pieces = chain.from_iterable(
        _fill((list(same) for _, same in groupby(of_study, key=lambda header: header.instance)), unit_size, unit_bytes)
        for _, of_study in groupby(ordered, key=lambda header: header.study)
    )
    # two pieces of one study are never joined: the first was full
    for number, unit in enumerate(_fill(pieces, unit_size, unit_bytes)):
        yield key + number.to_bytes(4, "big"), [tuple(header) for header in unit]


def _fill(groups: Iterable[list[InstanceHeader]], most: int, most_bytes: int) -> Iterator[list[InstanceHeader]]:
    """``groups`` joined as long as what comes of it is small enough."""
    filled: list[InstanceHeader] = []
    filled_bytes = 0
    for group in groups:
        group_bytes = sum(map(_bytes_to_read, group))
        if filled and (len(filled) + len(group) > most or filled_bytes + group_bytes > most_bytes):
            yield filled
            filled, filled_bytes = [], 0
        filled += group
        filled_bytes += group_bytes
    if filled:
        yield filled


def _bytes_to_read(header: InstanceHeader) -> int:
    ref = ObjectRef(*header.ref)
    if ref.member and ref.member[0] == Packing.TAR_STREAM.value:
        # each unit reads the tar from its beginning: the fewer the better
        return 0
    return max(ref.size, 0)


def _with_key(header: Header, large: dict[bytes, int], total: int, part_size: int, shared_size: int) -> tuple[bytes, Header]:
    known = InstanceHeader(*header)
    return key_of_instance(known.study, known.instance, large, -(-total // shared_size), part_size), header


class _Split(beam.DoFn):
    def __init__(self) -> None:
        self._units = counter(WORK_UNITS)

    def process(self, grouped: tuple[bytes, Iterable[Header]]) -> Iterator[WorkUnit]:
        for unit in split_key(*grouped):
            self._units.inc()
            yield unit


class GroupIntoWorkUnits(beam.PTransform[PCollection[Header], PCollection[WorkUnit]]):
    """InstanceHeader tuples -> (unit id, InstanceHeader tuples), these by study and instance."""

    def __init__(self, part_size: int = PART_SIZE, shared_size: int = SHARED_SIZE) -> None:
        super().__init__()
        self._part_size = part_size
        self._shared_size = shared_size

    def expand(self, headers: PCollection[Header]) -> PCollection[WorkUnit]:
        part_size = self._part_size
        sizes = (
            headers
            | "Study" >> beam.Map(lambda header: (InstanceHeader(*header).study, 1)).with_output_types(tuple[bytes, int])
            | "Size" >> beam.CombinePerKey(sum)
        )
        large = sizes | "Large" >> beam.Filter(lambda study: study[1] > part_size)
        total = sizes | "Sizes" >> beam.Values() | "Total" >> beam.CombineGlobally(sum)
        return (
            headers
            | "WithKey"
            >> beam.Map(
                _with_key,
                large=AsDict(large),
                total=AsSingleton(total),
                part_size=part_size,
                shared_size=self._shared_size,
            ).with_output_types(tuple[bytes, Any])
            | "ByKey" >> beam.GroupByKey()
            | "Split" >> beam.ParDo(_Split()).with_output_types(tuple[bytes, Any])
        )
