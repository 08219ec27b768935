"""The check that pass 2 waits for beside the proof of the UID map: not much of what was formerly listed is gone."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, PCollection

from profiles import UserFacingError
from storage import Archive, ObjectRef

from ..records import RefBatch

_AT_NAME, _AT_MEMBER, _AT_INPUT = map(ObjectRef._fields.index, ("name", "member", "input"))
#: fewer objects may go at any rate: of a small archive a study is many percent
LEAST_GONE = 20


class GoneError(UserFacingError):
    """More objects are gone than may be. The message names none."""


class FormerListing(NamedTuple):
    """What the last run listed under inputs that this one has, too.

    Attributes:
        inputs: their ids.
        ordinals: those that they have in this run.
        objects: how many it listed there; those that nobody knows the input of are among them.
        most_gone: how many percent of these may be gone.
    """

    inputs: frozenset[str]
    ordinals: frozenset[int]
    objects: int
    most_gone: float


def check_gone(gone: int, former: FormerListing) -> bool:
    """True when it is no more than may be.

    Raises:
        GoneError: it is more.
    """
    is_more = gone * 100 > former.most_gone * former.objects
    if is_more and (gone >= LEAST_GONE or not former.most_gone):
        raise GoneError(
            f"{gone} of the {former.objects} objects that the last run listed under the same inputs are gone, more than "
            f"{former.most_gone:g} %, so nothing was written: see that all is mounted, or give --max-gone 100 if they were "
            "removed on purpose"
        )
    return True


def count_gone(tables: list[pa.Table], inputs: frozenset[str]) -> int:
    """How many rows of tables of SETTLED_SCHEMA are of objects of these inputs, or of nobody knows which."""
    listed_by = pa.chunked_array([chunk for table in tables for chunk in table["input_id"].chunks], pa.string())
    return int(pc.sum(pc.is_in(listed_by, pa.array([*inputs, None], pa.string()))).as_py() or 0)


def count_listed(batch: RefBatch, ordinals: frozenset[int], archive: Archive) -> int:
    """How many objects of these inputs are in a batch; members of zips and tars are, and they themselves aren't."""
    return sum(
        ref[_AT_INPUT] in ordinals and (ref[_AT_MEMBER] is not None or not archive.is_container(ref[_AT_NAME])) for ref in batch
    )


class CheckGone(beam.PTransform[PCollection[bool], PCollection[bool]]):
    """A proof -> the same, when not too much is gone; the job fails before anything is written when it is."""

    def __init__(
        self,
        former: FormerListing,
        archive: Archive,
        gone: tuple[PCollection[list[pa.Table]], ...],
        listed: tuple[PCollection[RefBatch], ...],
    ) -> None:
        """
        Args:
            gone: lists of tables of SETTLED_SCHEMA of what isn't listed any more; none: nobody compared.
            listed: then all that is, in batches.
        """
        super().__init__()
        self._former = former
        self._archive = archive
        self._gone = gone
        self._listed = listed

    def expand(self, proof: PCollection[bool]) -> PCollection[bool]:
        former = self._former
        if self._gone:
            count_rows = partial(count_gone, inputs=former.inputs)
            gone = _counts("CountGone", self._gone, count_rows)
        else:
            count_objects = partial(count_listed, ordinals=former.ordinals, archive=self._archive)
            # of an archive of any size
            listed = _counts("CountListed", self._listed, count_objects) | "Sum" >> beam.CombineGlobally(sum)
            gone = listed | "Gone" >> beam.Map(lambda count: former.objects - count).with_output_types(int)
        return proof | "Check" >> beam.Map(partial(_check, former=former), gone=AsIter(gone)).with_output_types(bool)


def _counts(label: str, collections: tuple[PCollection[Any], ...], count: Callable[[Any], int]) -> PCollection[int]:
    counts = (each | f"{label}{number}" >> beam.Map(count).with_output_types(int) for number, each in enumerate(collections))
    return tuple(counts) | f"{label}s" >> beam.Flatten()


def _check(proof: bool, gone: Iterable[int], former: FormerListing) -> bool:
    return check_gone(sum(gone), former) and proof
