"""Pass 2: de-identify each instance of a work unit with the UIDs that pass 1 found in it, and write it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.windowed_value import WindowedValue

from storage import Archive, ObjectWriter, keep_done

from ..census.census_target import CensusTarget
from ..census.collect_values import ValueCollector, ValueCounts
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
from ..records import BATCH, AuditRow, AuditRows, KnownUid, KnownWords, Status, WorkUnit
from ..shuffle.bundles import in_global_window
from .instance_anonymizer import InstanceAnonymizer, NameConflict
from .mapped_uids import MappedUids
from .output_conflicts import ConflictRules
from .unit_inputs import (
    DescribedHeader,
    UnitInput,
    UnitInputs,
    WordsByStudy,
    as_head,
    as_uid,
    as_words,
    unit_work,
    words_by_study,
)

#: objects in name conflicts that wait to be resolved together
_MOST_CONFLICTS = 16_384

_INSTANCE = attrgetter("instance")
_ROWS: Literal["rows"] = "rows"
_VALUES: Literal["values"] = "values"


class UnitFacts(NamedTuple):
    """Facts about work units that other units or earlier runs tell, by the units' ids.

    Attributes:
        claimed: UIDs of which more is known.
        words: words that identify somebody; None where the profile needs none.
        heads: series that count as heads; None where none are looked for.
    """

    claimed: PCollection[tuple[bytes, KnownUid]]
    words: PCollection[tuple[bytes, KnownWords]] | None = None
    heads: PCollection[tuple[bytes, bytes]] | None = None


class InstanceClaim(NamedTuple):
    """The objects of a work unit that claim one SOPInstanceUID, and their anonymizer."""

    anonymizer: InstanceAnonymizer
    headers: list[DescribedHeader]

    def rows(self, conflicts: Mapping[bytes, bool]) -> Sequence[AuditRow | NameConflict]:
        """De-identify the objects and return their outcomes.

        Args:
            conflicts: instances that other objects have, too: ``KnownUid.is_conflict``.
        """
        match conflicts.get(self.headers[0].instance):
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
        census: CensusTarget | None,
    ) -> None:
        self._archive = archive
        self._writer = writer
        self._census = census
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
        self._values = None if self._census is None else ValueCollector(self._census)

    def start_bundle(self) -> None:
        if self._values is not None:
            self._values.begin()
        self._unresolved: list[NameConflict] = []

    def finish_bundle(self) -> Iterator[WindowedValue | TaggedOutput[Literal["values"], Any]]:
        self._resolve_conflicts()
        if self._values is not None:
            for counts in in_global_window(self._values.take()):
                yield TaggedOutput(_VALUES, counts)
            self._values.flush()
        if rows := self._ledger_writer.end_bundle():
            yield from in_global_window([self._counted(rows)])
        self._clock.note()

    def teardown(self) -> None:
        self._workers.close()

    def process(
        self, joined: tuple[bytes, Iterable[UnitInput]], proof: bool
    ) -> Iterable[AuditRows | TaggedOutput[Literal["values"], tuple[bytes, ValueCounts]]]:
        self._clock.note()
        work, uids, known_words, known_heads = UnitInputs.of(joined[1])
        words = words_by_study(known_words)
        heads = known_heads if self._config.profile.pixels.judges_faces else None
        conflicts = {uid.hash: uid.is_conflict for uid in uids if uid.is_conflict is not None}
        studies = [(study.study, study.described()) for study in work.studies]
        mapping = dict(work.uids)
        mapping |= {header.instance: header.new_uid for _, headers in studies for header in headers if header.new_uid}
        # an earlier run gave these their new ones, whatever the key says now
        mapping |= {uid.hash: uid.new_uid for uid in uids if uid.new_uid}
        claims = list(self._claims(studies, MappedUids(self._engine, mapping), words, heads))

        def anonymize(several: list[InstanceClaim]) -> list[AuditRow | NameConflict]:
            rows = [row for claim in several for row in claim.rows(conflicts)]
            self._archive.release()
            return rows

        told = 0
        results = self._workers.map(anonymize, reading_order(claims, lambda claim: claim.headers[0].ref))
        for found in keep_done(results, self._ledger_writer.save):
            self._ledger_writer.add_rows([row for row in found if isinstance(row, AuditRow)])
            unresolved = [one for one in found if isinstance(one, NameConflict)]
            self._unresolved += unresolved
            told += len(found) + sum(len(one.rows) + len(one.others) for one in unresolved)
            if told >= BATCH:
                self._progress.add("finished", told)
                told = 0
            # objects that a power cut could still undo have no row yet
            if durable := self._ledger_writer.take():
                yield self._counted(durable)
            if self._values is not None and self._values.is_full:
                for counts in self._values.take():
                    yield TaggedOutput(_VALUES, counts)
        if len(self._unresolved) >= _MOST_CONFLICTS:
            self._resolve_conflicts()
        self._progress.add("finished", told)
        self._operations.update()

    def _resolve_conflicts(self) -> None:
        """Resolve all name conflicts at once: each time, the whole audit may be read."""
        unresolved, self._unresolved = self._unresolved, []
        if unresolved:
            for rows in keep_done(self._conflicts.resolve(unresolved), self._ledger_writer.save):
                self._ledger_writer.add_rows(rows)

    def _claims(
        self,
        studies: Iterable[tuple[bytes, list[DescribedHeader]]],
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
                values=self._values,
            )
            for _, same in groupby(headers, key=_INSTANCE):
                yield InstanceClaim(anonymizer, list(same))

    def _counted(self, rows: list[AuditRow]) -> AuditRows:
        sizes = [row.size for row in rows if row.status is Status.WRITTEN]
        self._written.inc(len(sizes))
        self._bytes_written.inc(sum(sizes))
        self._refused.inc(len(rows) - len(sizes))
        return AuditRows(rows)


class AnonymizedInstances(NamedTuple):
    """Outputs of AnonymizeInstances.

    Attributes:
        rows: the objects' rows.
        values: counts of the values that stay in them, by the parts of their values; None where no census is made.
    """

    rows: PCollection[AuditRows]
    values: PCollection[tuple[bytes, ValueCounts]] | None


@beam.typehints.with_input_types(WorkUnit)
class AnonymizeInstances(beam.PTransform[PCollection[WorkUnit], AnonymizedInstances]):
    """Work units -> AnonymizedInstances; it begins when the UID map's ``proof`` is there."""

    def __init__(
        self,
        proof: PCollection[bool],
        facts: UnitFacts,
        archive: Archive,
        writer: ObjectWriter,
        config: EngineConfig,
        ledger: Ledger,
        conflicts: ConflictRules,
        progress: ProgressListener,
        census: CensusTarget | None = None,
    ) -> None:
        """
        Args:
            census: where the values that stay go; None: nowhere.
        """
        super().__init__()
        self._proof = proof
        self._facts = facts
        self._has_census = census is not None
        self._anonymize = _Anonymize(archive, writer, config, ledger, conflicts, progress, census)

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> AnonymizedInstances:
        facts: tuple[tuple[str, PCollection[Any] | None, Any], ...] = (
            ("Claimed", self._facts.claimed, as_uid),
            ("Words", self._facts.words, as_words),
            ("Heads", self._facts.heads, as_head),
        )
        inputs = [units | "UnitWork" >> beam.Map(unit_work)]
        inputs += [known | label >> beam.Map(as_input) for label, known, as_input in facts if known is not None]
        joined = tuple(inputs) | "Inputs" >> beam.Flatten() | "Join" >> beam.GroupByKey()
        anonymize = beam.ParDo(self._anonymize, proof=AsSingleton(self._proof))
        if not self._has_census:
            return AnonymizedInstances(joined | "Anonymize" >> anonymize, None)
        outputs = joined | "Anonymize" >> anonymize.with_outputs(_VALUES, main=_ROWS)
        return AnonymizedInstances(outputs[_ROWS], outputs[_VALUES])
