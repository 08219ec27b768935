"""The check that pass 2 waits for beside the proof of the UID map: few of the objects of the last listing are gone."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, PCollection

from profiles import UserFacingError
from storage import Archive

from ..records import RefBatch

#: fewer objects may go at any rate: of a small archive a study is many percent
LEAST_GONE = 20


class GoneError(UserFacingError):
    """More objects are gone than may be. The message names none."""


class FormerListing(NamedTuple):
    """The last run's listing of the inputs that this run has, too.

    Attributes:
        inputs: their ids.
        ordinals: their ordinals in this run.
        objects: the number of objects listed there; those whose input is unknown are among them.
        most_gone: the percentage of these that may be gone.
    """

    inputs: frozenset[str]
    ordinals: frozenset[int]
    objects: int
    most_gone: float


def check_gone(gone: int, former: FormerListing) -> bool:
    """Return True when no more objects are gone than may be.

    Raises:
        GoneError: more are gone.
    """
    is_more = gone * 100 > former.most_gone * former.objects
    if is_more and (gone >= LEAST_GONE or not former.most_gone):
        raise GoneError(
            f"{gone} of the {former.objects} objects that the last run listed under the same inputs are gone, more than "
            f"{former.most_gone:g} %, so nothing was written: see that all is mounted, or give --max-gone 100 if they were "
            "removed on purpose"
        )
    return True


def count_gone(rows: pa.Table, inputs: frozenset[str]) -> int:
    """Return the number of rows of SETTLED_SCHEMA whose objects are of these inputs, or of an unknown one."""
    return int(pc.sum(pc.is_in(rows["input_id"], pa.array([*inputs, None], pa.string()))).as_py() or 0)


def count_listed(batch: RefBatch, ordinals: frozenset[int], archive: Archive) -> int:
    """Return the number of objects of these inputs in a batch; members of zips and tars count, and they themselves don't."""
    return sum(ref.input in ordinals and (ref.member is not None or not archive.is_container(ref.name)) for ref in batch)


class CheckGone(beam.PTransform[PCollection[bool], PCollection[bool]]):
    """A proof -> the same, when not too much is gone; else the job fails before anything is written."""

    def __init__(
        self,
        former: FormerListing,
        archive: Archive,
        gone: tuple[PCollection[pa.Table], ...],
        listed: tuple[PCollection[RefBatch], ...],
    ) -> None:
        """
        Args:
            gone: rows of SETTLED_SCHEMA of objects that aren't listed any more; empty: nothing was compared.
            listed: then all listed objects.
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
