"""Pass 2: de-identify each instance of a work unit with the UIDs that pass 1 found in it, and write it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, starmap
from operator import attrgetter
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection
from apache_beam.utils.windowed_value import WindowedValue

from anonymizer.internals import split_words
from storage import Archive, ObjectRef, ObjectWriter, keep_done

from ..concurrency import WorkerThreads, reading_order
from ..engine_config import EngineConfig
from ..ledger import Ledger, LedgerWriter
from ..metrics import (
    OBJECT_BYTES_WRITTEN,
    OBJECTS_REFUSED,
    OBJECTS_WRITTEN,
    ProgressListener,
    StageClock,
    StorageCounters,
    counter,
)
from ..records import BATCH, AuditRow, AuditRows, InstanceHeader, SharedFindings, Status, StudyPart, WorkUnit
from ..shuffle.bundles import in_global_window
from ..shuffle.packing import pack, unpack
from ..work_unit_ids import STUDY_ID_SIZE
from .instance_anonymizer import InstanceAnonymizer, MappedUids, NameConflict
from .output_conflicts import ConflictRules

#: objects whose output's name is taken that wait to be looked up together
_MOST_TAKEN = 16_384

#: unit id, then what was joined: the unit as ``to_do`` has it, BuildUidMap's ``claimed``; where the profile needs them, words;
#: where heads are looked for, series
Joined = tuple[bytes, tuple[Iterable[Any], ...]]
#: for each study its id, headers, descriptions and places of those of the headers; hash of an original UID -> new UID, for those
#: that the headers don't have
UnitWork = tuple[list[tuple[bytes, list[tuple[Any, ...]], list[tuple[Any, ...]], list[int]]], dict[bytes, bytes]]


def to_do(unit: WorkUnit) -> tuple[bytes, bytes]:
    """What pass 2 needs of a work unit, packed: each UID once, since it is shuffled again."""
    unit_id, fields = unit
    parts = list(starmap(StudyPart, fields))
    shared = starmap(SharedFindings, chain.from_iterable(part.shared for part in parts))
    uids = {uid_hash: new_uid for findings in shared for uid_hash, new_uid, _ in findings.uids}
    studies = [(part.study[:STUDY_ID_SIZE], part.headers, _descriptions(part), part.places) for part in parts]
    return unit_id, pack((studies, uids))


def _descriptions(part: StudyPart) -> list[tuple[Any, ...]]:
    return [SharedFindings(*shared).description for shared in part.shared]


def described_headers(
    headers: list[tuple[Any, ...]], descriptions: list[tuple[Any, ...]], places: list[int]
) -> list[InstanceHeader]:
    """Headers of a study, each with its description."""
    both = zip(starmap(InstanceHeader, headers), places, strict=True)
    return [header._replace(description=descriptions[place]) for header, place in both]


_INSTANCE = attrgetter("instance")


#: study's id -> the study and the persons in it -> hashes of words that are bound to them
WordsByStudy = dict[bytes, dict[bytes, frozenset[bytes]]]


def words_by_study(shared: Iterable[Iterable[tuple[bytes, bytes, bytes]]]) -> WordsByStudy:
    """What ShareWords has for a unit."""
    found: WordsByStudy = {}
    for study, who, words in chain.from_iterable(shared):
        # one for each of them: they were combined
        found.setdefault(study, {})[who] = split_words(words)
    return found


class InstanceClaim(NamedTuple):
    """The objects of a work unit that claim one SOPInstanceUID, and who de-identifies them."""

    anonymizer: InstanceAnonymizer
    headers: list[InstanceHeader]

    def rows(self, claimed: Mapping[bytes, bool]) -> Sequence[AuditRow | NameConflict]:
        """What became of them.

        Args:
            claimed: instances that others claim, too: whether those are of other studies; else they are done with by now.
        """
        match claimed.get(self.headers[0].instance):
            case True:
                return [self.anonymizer.conflict(header) for header in self.headers]
            case False:
                return self.anonymizer.anonymize_duplicates(self.headers, is_written=True)
        if len(self.headers) > 1:
            return self.anonymizer.anonymize_duplicates(self.headers)
        return [self.anonymizer.anonymize_instance(self.headers[0])]


class _Anonymize(beam.DoFn):
    def __init__(
        self,
        archive: Archive,
        writer: ObjectWriter,
        config: EngineConfig,
        ledger: Ledger,
        conflicts: ConflictRules,
        progress: ProgressListener,
    ) -> None:
        self._archive = archive
        self._writer = writer
        self._conflicts = conflicts
        self._ledger = ledger
        self._config = config
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._clock = StageClock("anonymize")
        self._written, self._refused = counter(OBJECTS_WRITTEN), counter(OBJECTS_REFUSED)
        self._bytes_written = counter(OBJECT_BYTES_WRITTEN)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._workers = WorkerThreads(self._archive.concurrency)
        self._ledger_writer = LedgerWriter(self._ledger, sync=self._writer.flush)

    def start_bundle(self) -> None:
        self._taken: list[NameConflict] = []

    def finish_bundle(self) -> Iterator[WindowedValue]:
        self._settle()
        if rows := self._ledger_writer.end_bundle():
            yield from in_global_window([self._counted(rows)])
        self._clock.note()

    def teardown(self) -> None:
        self._workers.close()

    def process(self, joined: Joined, proof: bool) -> Iterator[AuditRows]:
        self._clock.note()
        _, (units, known, *others) = joined
        profile = self._config.profile
        words = words_by_study(others[:1]) if profile.needs_words else {}
        heads = frozenset(others[-1]) if profile.pixels.judges_faces else None
        known = list(known)
        claimed = {uid_hash: others for uid_hash, others in known if isinstance(others, bool)}
        # one, for units have ids of their own
        fields, mapping = unpack(next(iter(units)))
        studies = [(study, described_headers(*more)) for study, *more in fields]
        mapping |= {header.instance: header.new_uid for _, headers in studies for header in headers if header.new_uid}
        # what was given away before the key says otherwise
        mapping |= {uid_hash: new_uid for uid_hash, new_uid in known if isinstance(new_uid, bytes)}
        claims = list(self._claims(studies, MappedUids(self._engine, mapping), words, heads))

        def anonymize(several: list[InstanceClaim]) -> list[AuditRow | NameConflict]:
            rows = [row for claim in several for row in claim.rows(claimed)]
            self._archive.release()
            return rows

        told = 0
        results = self._workers.map(anonymize, reading_order(claims, lambda claim: ObjectRef(*claim.headers[0].ref)))
        for found in keep_done(results, self._ledger_writer.save):
            self._ledger_writer.add_rows([row for row in found if isinstance(row, AuditRow)])
            taken = [one for one in found if isinstance(one, NameConflict)]
            self._taken += taken
            told += len(found) + sum(len(one.rows) + len(one.others) for one in taken)
            if told >= BATCH:
                self._progress.add("finished", told)
                told = 0
            # what a power cut could still undo has no row yet
            if durable := self._ledger_writer.take():
                yield self._counted(durable)
        if len(self._taken) >= _MOST_TAKEN:
            self._settle()
        self._progress.add("finished", told)
        self._operations.update()

    def _settle(self) -> None:
        """All at once: each time, the whole audit may be read."""
        taken, self._taken = self._taken, []
        if taken:
            for rows in keep_done(self._conflicts.resolve(taken), self._ledger_writer.save):
                self._ledger_writer.add_rows(rows)

    def _claims(
        self,
        studies: Iterable[tuple[bytes, list[InstanceHeader]]],
        uids: MappedUids,
        words: WordsByStudy,
        heads: frozenset[bytes] | None,
    ) -> Iterator[InstanceClaim]:
        for study, headers in studies:
            of_study = self._engine.words.known(words.get(study, {}))
            anonymizer = InstanceAnonymizer(
                *(self._engine, self._archive, self._writer, study, uids, of_study, heads),
                replaces_changed=self._conflicts.replaces_changed,
                keeps_one=self._conflicts.keeps_one,
            )
            for _, same in groupby(headers, key=_INSTANCE):
                yield InstanceClaim(anonymizer, list(same))

    def _counted(self, rows: list[AuditRow]) -> AuditRows:
        sizes = [row.size for row in rows if row.status is Status.WRITTEN]
        self._written.inc(len(sizes))
        self._bytes_written.inc(sum(sizes))
        self._refused.inc(len(rows) - len(sizes))
        return AuditRows(rows)


class AnonymizeInstances(beam.PTransform[PCollection[WorkUnit], PCollection[AuditRows]]):
    """Work units -> AuditRows; starts when the UID map's ``proof`` is there."""

    def __init__(
        self,
        proof: PCollection[bool],
        known: list[PCollection[tuple[bytes, Any]]],
        archive: Archive,
        writer: ObjectWriter,
        config: EngineConfig,
        ledger: Ledger,
        conflicts: ConflictRules,
        progress: ProgressListener,
    ) -> None:
        """
        Args:
            known: what else is to be known of units, by their ids: instances that others claim; where the profile needs them,
                words; where heads are looked for, the series that count as such.
        """
        super().__init__()
        self._proof = proof
        self._known = known
        self._anonymize = _Anonymize(archive, writer, config, ledger, conflicts, progress)

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[AuditRows]:
        pending = units | "UnitWork" >> beam.Map(to_do).with_output_types(tuple[bytes, bytes])
        joined = (pending, *self._known) | "Join" >> beam.CoGroupByKey()
        return joined | "Anonymize" >> beam.ParDo(self._anonymize, proof=AsSingleton(self._proof)).with_output_types(AuditRows)
