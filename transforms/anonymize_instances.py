"""Pass 2: de-identify each instance of a work unit with the UIDs that pass 1 found in it, and write it."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby, starmap
from operator import attrgetter
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection

from anonymizer import split_words

from .concurrency import Workers, reading_order
from .engine_config import EngineConfig
from .group_work_units import STUDY_ID_SIZE
from .instance_anonymizer import InstanceAnonymizer, MappedUids
from .ledger import Ledger, LedgerWriter
from .list_objects import BATCH
from .metrics import OBJECT_BYTES_WRITTEN, OBJECTS_REFUSED, OBJECTS_WRITTEN, StorageCounters, counter
from .packed import pack, unpack
from .records import AuditRow, AuditRows, InstanceHeader, ObjectRef, SharedFindings, Status, StudyPart, WorkUnit
from .storage import Archive, ObjectWriter, ProgressListener

#: unit id, then what was joined: the unit as ``to_do`` has it, BuildUidMap's ``claimed``; where text is cleaned, words; where
#: heads are looked for, series
Joined = tuple[bytes, tuple[Iterable[Any], ...]]
#: for each study its id and headers; hash of an original UID -> new UID, for those that the headers don't have
ToDo = tuple[list[tuple[bytes, list[tuple[Any, ...]]]], dict[bytes, bytes]]


def to_do(unit: WorkUnit) -> tuple[bytes, bytes]:
    """What pass 2 needs of a work unit, packed: each UID once, since it is shuffled again."""
    unit_id, fields = unit
    parts = list(starmap(StudyPart, fields))
    shared = starmap(SharedFindings, chain.from_iterable(part.shared for part in parts))
    uids = {uid_hash: new_uid for findings in shared for uid_hash, new_uid, _ in findings.uids}
    return unit_id, pack(([(part.study[:STUDY_ID_SIZE], part.headers) for part in parts], uids))


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


class Claim(NamedTuple):
    """The objects of a work unit that claim one SOPInstanceUID, and who de-identifies them."""

    anonymizer: InstanceAnonymizer
    headers: list[InstanceHeader]

    def rows(self, claimed: Mapping[bytes, bool]) -> list[AuditRow]:
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
        self, archive: Archive, writer: ObjectWriter, config: EngineConfig, ledger: Ledger, progress: ProgressListener
    ) -> None:
        self._archive = archive
        self._writer = writer
        self._ledger = ledger
        self._config = config
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._written, self._refused = counter(OBJECTS_WRITTEN), counter(OBJECTS_REFUSED)
        self._bytes_written = counter(OBJECT_BYTES_WRITTEN)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._workers = Workers(self._archive.concurrency)
        self._ledger_writer = LedgerWriter(self._ledger)

    def finish_bundle(self) -> None:
        self._ledger_writer.end_bundle()

    def teardown(self) -> None:
        self._workers.close()

    def process(self, joined: Joined, proof: bool) -> Iterator[AuditRows]:
        _, (units, known, *more) = joined
        profile = self._config.profile
        words = words_by_study(more[:1]) if profile.cleans_text else {}
        heads = frozenset(more[-1]) if profile.pixels.judges_faces else None
        known = list(known)
        claimed = {uid_hash: others for uid_hash, others in known if isinstance(others, bool)}
        # one, for units have ids of their own
        fields, mapping = unpack(next(iter(units)))
        studies = [(study, [InstanceHeader(*header) for header in headers]) for study, headers in fields]
        mapping |= {header.instance: header.new_uid for _, headers in studies for header in headers if header.new_uid}
        # what was given away before the key says otherwise
        mapping |= {uid_hash: new_uid for uid_hash, new_uid in known if isinstance(new_uid, bytes)}
        claims = list(self._claims(studies, MappedUids(self._engine, mapping), words, heads))

        def anonymize(several: list[Claim]) -> list[AuditRow]:
            rows = [row for claim in several for row in claim.rows(claimed)]
            self._archive.release()
            return rows

        finished = AuditRows()
        told = 0
        for rows in self._workers.map(anonymize, reading_order(claims, lambda claim: ObjectRef(*claim.headers[0].ref))):
            finished += rows
            self._ledger_writer.add_rows(rows)
            if len(finished) - told >= BATCH:
                self._progress.add("finished", len(finished) - told)
                told = len(finished)
        self._progress.add("finished", len(finished) - told)
        self._count(finished)
        self._operations.update()
        yield finished

    def _claims(
        self,
        studies: Iterable[tuple[bytes, list[InstanceHeader]]],
        uids: MappedUids,
        words: WordsByStudy,
        heads: frozenset[bytes] | None,
    ) -> Iterator[Claim]:
        for study, headers in studies:
            of_study = self._engine.words.known(words.get(study, {}))
            anonymizer = InstanceAnonymizer(self._engine, self._archive, self._writer, study, uids, of_study, heads)
            for _, same in groupby(headers, key=_INSTANCE):
                yield Claim(anonymizer, list(same))

    def _count(self, rows: list[AuditRow]) -> None:
        sizes = [row.size for row in rows if row.status is Status.WRITTEN]
        self._written.inc(len(sizes))
        self._bytes_written.inc(sum(sizes))
        self._refused.inc(len(rows) - len(sizes))


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
        progress: ProgressListener,
    ) -> None:
        """
        Args:
            known: what else is to be known of units, by their ids: instances that others claim; where text is cleaned, words;
                where heads are looked for, the series that count as such.
        """
        super().__init__()
        self._proof = proof
        self._known = known
        self._anonymize = _Anonymize(archive, writer, config, ledger, progress)

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[AuditRows]:
        pending = units | "ToDo" >> beam.Map(to_do).with_output_types(tuple[bytes, bytes])
        joined = (pending, *self._known) | "Join" >> beam.CoGroupByKey()
        return joined | "Anonymize" >> beam.ParDo(self._anonymize, proof=AsSingleton(self._proof)).with_output_types(AuditRows)
