"""Group instances into work units: studies that are small together, those that are large in parts."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton, PCollection
from apache_beam.utils.windowed_value import WindowedValue

from storage import ObjectRef, Packing

from ..metrics import WORK_UNITS, counter
from ..records import InstanceHeader, StudyPart, WorkUnit
from ..shuffle.bundles import in_global_window
from ..shuffle.packing import pack, unpack
from ..shuffle.sharding import keys_for, spread
from ..work_unit_ids import STUDY_ID_SIZE, Group

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
#: headers that are gathered before they are shuffled: those of a key go together, and what they share but once
_MOST_HEADERS = 4096

_TAR_STREAM = Packing.TAR_STREAM.value
_AT_REF, _AT_SOURCE_ID, _AT_INSTANCE = map(InstanceHeader._fields.index, ("ref", "source_id", "instance"))
_AT_SIZE, _AT_MEMBER = map(ObjectRef._fields.index, ("size", "member"))


def key_of_instance(study: bytes, instance: bytes, large: Mapping[bytes, int], shared: int, part_size: int = PART_SIZE) -> bytes:
    """The key under which an instance is grouped: small studies are whole under one, and objects of one instance always.

    Args:
        study, instance: keyed hashes, 32 bytes each.
        large: objects in each study that has more than ``part_size``.
        shared: number of keys for the studies that are not large.
    """
    if study not in large:
        return spread(study, shared)
    return study[:STUDY_ID_SIZE] + spread(instance, -(-large[study] // part_size))


#: study, then what orders a study's headers; the header, and what it shares with others
_Placed = tuple[bytes, bytes, bytes, tuple[Any, ...], tuple[Any, ...]]
_ORDER = itemgetter(0, 1, 2)
_STUDY, _INSTANCE = itemgetter(0), itemgetter(1)


def split_key(
    key: bytes, groups: Iterable[Group], unit_size: int = UNIT_SIZE, unit_bytes: int = UNIT_BYTES
) -> Iterator[WorkUnit]:
    """The units of what has one key. Objects with one SOPInstanceUID stay together, so that a unit sees its duplicates.

    What a unit has of a study depends on what of the study has this key: neither on the order in which it arrives, nor on other
    studies.
    """
    ordered = sorted(
        (
            (study, header[_AT_INSTANCE], header[_AT_SOURCE_ID], header, shared)
            for study, shared, headers in groups
            for header in headers
        ),
        key=_ORDER,
    )
    pieces = chain.from_iterable(
        _fill((list(same) for _, same in groupby(of_study, key=_INSTANCE)), unit_size, unit_bytes)
        for _, of_study in groupby(ordered, key=_STUDY)
    )
    # two pieces of one study are never joined: the first was full
    for number, unit in enumerate(_fill(pieces, unit_size, unit_bytes)):
        yield key + number.to_bytes(4, "big"), [_part(study, list(of_study)) for study, of_study in groupby(unit, key=_STUDY)]


def _part(study: bytes, placed: list[_Placed]) -> tuple[Any, ...]:
    # what a group shares is one object: each is compared once
    found = {id(shared): shared for *_, shared in placed}
    ordered = sorted(set(found.values()))
    place_of = {one: place for place, one in enumerate(ordered)}
    places = {at: place_of[one] for at, one in found.items()}
    return StudyPart(study, ordered, [header for *_, header, _ in placed], [places[id(shared)] for *_, shared in placed])[:]


def _fill(pieces: Iterable[list[_Placed]], most: int, most_bytes: int) -> Iterator[list[_Placed]]:
    """``pieces`` joined as long as what comes of it is small enough."""
    filled: list[_Placed] = []
    filled_bytes = 0
    for piece in pieces:
        piece_bytes = sum([_bytes_to_read(header[_AT_REF]) for *_, header, _ in piece])
        if filled and (len(filled) + len(piece) > most or filled_bytes + piece_bytes > most_bytes):
            yield filled
            filled, filled_bytes = [], 0
        filled += piece
        filled_bytes += piece_bytes
    if filled:
        yield filled


def _bytes_to_read(ref: tuple[Any, ...]) -> int:
    size, member = ref[_AT_SIZE], ref[_AT_MEMBER]
    # each unit reads a compressed tar from its beginning: the fewer the better
    return 0 if size < 0 or (member and member[0] == _TAR_STREAM) else size


class KeyedHeaders:
    """Headers by the key under which they are grouped, and there by what they share."""

    def __init__(self, large: Mapping[bytes, int], shared_keys: int, part_size: int) -> None:
        """
        Args:
            large, shared_keys: as for ``key_of_instance``.
        """
        self._large = large
        self._shared_keys = shared_keys
        self._part_size = part_size
        self._keys: dict[bytes, dict[tuple[bytes, tuple[Any, ...]], list[tuple[Any, ...]]]] = {}
        self.count = 0

    def add(self, group: Group) -> None:
        """Take a group; those of a large study go to several keys."""
        study, shared, headers = group
        self.count += len(headers)
        if study not in self._large:
            self._of(study, b"", shared).extend(headers)
            return
        for header in headers:
            self._of(study, header[_AT_INSTANCE], shared).append(header)

    def _of(self, study: bytes, instance: bytes, shared: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        key = key_of_instance(study, instance, self._large, self._shared_keys, self._part_size)
        return self._keys.setdefault(key, {}).setdefault((study, shared), [])

    def take(self) -> Iterator[tuple[bytes, bytes]]:
        """(key, packed list of HeaderGroup tuples) with all that came since this was last called."""
        keys, self._keys, self.count = self._keys, {}, 0
        for key, groups in keys.items():
            yield key, pack([(*shared, headers) for shared, headers in groups.items()])


class _WithKeys(beam.DoFn):
    """Joins what the batches of a bundle have for a key, as long as they aren't too many."""

    def __init__(self, part_size: int, shared_size: int) -> None:
        self._part_size = part_size
        self._shared_size = shared_size

    def start_bundle(self) -> None:
        self._headers: KeyedHeaders | None = None

    def process(self, packed: bytes, large: dict[bytes, int], listed: tuple[int, bytes]) -> Iterator[tuple[bytes, bytes]]:
        if self._headers is None:
            self._headers = KeyedHeaders(large, keys_for(listed[0], self._shared_size), self._part_size)
        for group in unpack(packed):
            self._headers.add(group)
        if self._headers.count >= _MOST_HEADERS:
            yield from self._headers.take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._headers is not None:
            yield from in_global_window(self._headers.take())


class _Split(beam.DoFn):
    def __init__(self) -> None:
        self._units = counter(WORK_UNITS)

    def process(self, grouped: tuple[bytes, Iterable[bytes]]) -> Iterator[WorkUnit]:
        key, packed = grouped
        for unit in split_key(key, chain.from_iterable(map(unpack, packed))):
            self._units.inc()
            yield unit


def sizes(packed: bytes) -> list[tuple[bytes, int]]:
    """(study, instances) of each of the groups."""
    return [(group[0], len(group[2])) for group in unpack(packed)]


class GroupIntoWorkUnits(beam.PTransform[PCollection[bytes], PCollection[WorkUnit]]):
    """Packed lists of HeaderGroup tuples -> (unit id, StudyPart tuples), these by study."""

    def __init__(
        self, listed: PCollection[tuple[int, bytes]], part_size: int = PART_SIZE, shared_size: int = SHARED_SIZE
    ) -> None:
        """
        Args:
            listed: one tuple, how many objects there are at most, and what else is known of them.
        """
        super().__init__()
        self._listed = listed
        self._part_size = part_size
        self._shared_size = shared_size

    def expand(self, groups: PCollection[bytes]) -> PCollection[WorkUnit]:
        part_size = self._part_size
        large = (
            groups
            | "Studies" >> beam.FlatMap(sizes).with_output_types(tuple[bytes, int])
            | "Size" >> beam.CombinePerKey(sum)
            | "Large" >> beam.Filter(lambda study: study[1] > part_size)
        )
        keyed = beam.ParDo(_WithKeys(part_size, self._shared_size), large=AsDict(large), listed=AsSingleton(self._listed))
        return (
            groups
            | "WithKeys" >> keyed.with_output_types(tuple[bytes, bytes])
            | "ByKey" >> beam.GroupByKey()
            | "Split" >> beam.ParDo(_Split()).with_output_types(tuple[bytes, Any])
        )
