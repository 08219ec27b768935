"""Group instances into work units: studies that are small together, those that are large in parts."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from operator import attrgetter
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton, PCollection
from apache_beam.utils.windowed_value import WindowedValue

from storage import ObjectRef, Packing

from ..metrics import WORK_UNITS, counter
from ..records import HeaderGroup, HeaderGroups, InstanceHeader, SharedFindings, StudyPart, WorkUnit
from ..shuffle.bundles import in_global_window
from ..shuffle.sharding import keys_for, spread
from ..work_unit_ids import STUDY_ID_SIZE

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


def key_of_instance(study: bytes, instance: bytes, large: Mapping[bytes, int], shared: int, part_size: int = PART_SIZE) -> bytes:
    """Return the key under which an instance is grouped: small studies are whole under one, and objects of one instance always.

    Args:
        study, instance: keyed hashes, 32 bytes each.
        large: objects in each study that has more than ``part_size``.
        shared: number of keys for the studies that are not large.
    """
    if study not in large:
        return spread(study, shared)
    return study[:STUDY_ID_SIZE] + spread(instance, -(-large[study] // part_size))


class _Placed(NamedTuple):
    """A header with its study and findings."""

    study: bytes
    header: InstanceHeader
    shared: SharedFindings


_STUDY = attrgetter("study")


def _order(placed: _Placed) -> tuple[bytes, bytes, bytes]:
    return placed.study, placed.header.instance, placed.header.source_id


def _instance(placed: _Placed) -> bytes:
    return placed.header.instance


def split_key(
    key: bytes, groups: Iterable[HeaderGroup], unit_size: int = UNIT_SIZE, unit_bytes: int = UNIT_BYTES
) -> Iterator[WorkUnit]:
    """Yield the units of one key's objects. Those with one SOPInstanceUID stay together, so that a unit sees its duplicates.

    A unit's part of a study depends on the study's objects under this key: neither on the order in which they arrive, nor on
    other studies.
    """
    ordered = sorted(
        (_Placed(group.study, header, group.shared) for group in groups for header in group.headers),
        key=_order,
    )
    pieces = chain.from_iterable(
        _fill((list(same) for _, same in groupby(of_study, key=_instance)), unit_size, unit_bytes)
        for _, of_study in groupby(ordered, key=_STUDY)
    )
    # two pieces of one study are never joined: the first was full
    for number, unit in enumerate(_fill(pieces, unit_size, unit_bytes)):
        parts = [_part(study, list(of_study)) for study, of_study in groupby(unit, key=_STUDY)]
        yield WorkUnit(key + number.to_bytes(4, "big"), parts)


def _part(study: bytes, placed: list[_Placed]) -> StudyPart:
    # a group's findings are one object: each is compared once
    found = {id(one.shared): one.shared for one in placed}
    ordered = sorted(set(found.values()), key=_findings_order)
    index_of = {shared: index for index, shared in enumerate(ordered)}
    indices = {at: index_of[shared] for at, shared in found.items()}
    return StudyPart(study, ordered, [one.header for one in placed], [indices[id(one.shared)] for one in placed])


def _findings_order(shared: SharedFindings) -> tuple[object, ...]:
    # None is less than nothing
    return (*shared[:_AT_FACE], shared.face or (), shared.description)


_AT_FACE = SharedFindings._fields.index("face")


def _fill(pieces: Iterable[list[_Placed]], most: int, most_bytes: int) -> Iterator[list[_Placed]]:
    """Yield ``pieces``, several joined as long as they are few and small enough."""
    filled: list[_Placed] = []
    filled_bytes = 0
    for piece in pieces:
        piece_bytes = sum([_bytes_to_read(one.header.ref) for one in piece])
        if filled and (len(filled) + len(piece) > most or filled_bytes + piece_bytes > most_bytes):
            yield filled
            filled, filled_bytes = [], 0
        filled += piece
        filled_bytes += piece_bytes
    if filled:
        yield filled


def _bytes_to_read(ref: ObjectRef) -> int:
    # each unit reads a compressed tar from its beginning: the fewer the better
    return 0 if ref.size < 0 or (ref.member and ref.member[0] == _TAR_STREAM) else ref.size


class KeyedHeaders:
    """Headers by the key under which they are grouped, and there by the findings that they share."""

    def __init__(self, large: Mapping[bytes, int], shared_keys: int, part_size: int) -> None:
        """
        Args:
            large, shared_keys: as for ``key_of_instance``.
        """
        self._large = large
        self._shared_keys = shared_keys
        self._part_size = part_size
        self._keys: dict[bytes, dict[tuple[bytes, SharedFindings], list[InstanceHeader]]] = {}
        self.count = 0

    def add(self, group: HeaderGroup) -> None:
        """Add a group; those of a large study go to several keys."""
        self.count += len(group.headers)
        if group.study not in self._large:
            self._headers(group, b"").extend(group.headers)
            return
        for header in group.headers:
            self._headers(group, header.instance).append(header)

    def _headers(self, group: HeaderGroup, instance: bytes) -> list[InstanceHeader]:
        key = key_of_instance(group.study, instance, self._large, self._shared_keys, self._part_size)
        return self._keys.setdefault(key, {}).setdefault((group.study, group.shared), [])

    def take(self) -> Iterator[tuple[bytes, HeaderGroups]]:
        """Yield (key, groups) with all headers that were added since this was last called."""
        keys, self._keys, self.count = self._keys, {}, 0
        for key, groups in keys.items():
            yield key, HeaderGroups(HeaderGroup(*findings, headers) for findings, headers in groups.items())


class _WithKeys(beam.DoFn):
    """Joins the headers that a bundle has for a key, as long as they aren't too many."""

    def __init__(self, part_size: int, shared_size: int) -> None:
        self._part_size = part_size
        self._shared_size = shared_size

    def start_bundle(self) -> None:
        self._headers: KeyedHeaders | None = None

    def process(
        self, groups: HeaderGroups, large: dict[bytes, int], listed: tuple[int, bytes]
    ) -> Iterator[tuple[bytes, HeaderGroups]]:
        if self._headers is None:
            self._headers = KeyedHeaders(large, keys_for(listed[0], self._shared_size), self._part_size)
        for group in groups:
            self._headers.add(group)
        if self._headers.count >= _MOST_HEADERS:
            yield from self._headers.take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._headers is not None:
            yield from in_global_window(self._headers.take())


class _Split(beam.DoFn):
    def __init__(self) -> None:
        self._units = counter(WORK_UNITS)

    def process(self, grouped: tuple[bytes, Iterable[HeaderGroups]]) -> Iterator[WorkUnit]:
        key, groups = grouped
        for unit in split_key(key, chain.from_iterable(groups)):
            self._units.inc()
            yield unit


def sizes(groups: HeaderGroups) -> list[tuple[bytes, int]]:
    """Return (study, number of instances) of each of the groups."""
    return [(group.study, len(group.headers)) for group in groups]


class GroupIntoWorkUnits(beam.PTransform[PCollection[HeaderGroups], PCollection[WorkUnit]]):
    """Groups of headers -> work units, their parts sorted by study."""

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

    def expand(self, groups: PCollection[HeaderGroups]) -> PCollection[WorkUnit]:
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
            | "WithKeys" >> keyed.with_output_types(tuple[bytes, HeaderGroups])
            | "ByKey" >> beam.GroupByKey()
            | "Split" >> beam.ParDo(_Split())
        )
