"""Inputs of a run: their ordinals in its tables, and those shared with the last run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from anonymizer import Key
from transforms import EarlierRun, FormerListing

from ..job import Inputs
from .digests import digest_of_input

#: in place of the id of an ordinal without an input
_NO_INPUT = ""


def number_inputs(names: Sequence[str], key: Key, last: EarlierRun | None) -> Inputs:
    """Return the inputs with the ordinals that they have in the continued run, on which the source ids of objects depend.

    New inputs get the free ordinals, in their order.

    Args:
        names: paths or URIs.
        key: the run's key, for the ids of inputs.
        last: the continued run; None: there is none.
    """
    ids = [digest_of_input(name, key) for name in names]
    former = list(last.inputs) if last else []
    known: dict[int, int] = {}
    for at, one in enumerate(ids):
        if one in former:
            known[at] = former.index(one)
            # an input that is named twice has two ordinals
            former[known[at]] = _NO_INPUT
    left = (ordinal for ordinal in count() if ordinal not in known.values())
    ordinals = [known[at] if at in known else next(left) for at in range(len(ids))]
    by_ordinal = dict(zip(ordinals, ids, strict=True))
    return Inputs(
        list(zip(ordinals, names, strict=True)),
        tuple(by_ordinal.get(ordinal, _NO_INPUT) for ordinal in range(max(ordinals, default=-1) + 1)),
    )


def former_listing(inputs: Inputs, last: EarlierRun | None, most_gone: float) -> FormerListing | None:
    """Return the objects that the last run listed under these inputs; None if none are known.

    Args:
        last: the continued run, or the one whose account will be replaced.
        most_gone: percentage of the objects that may be gone.
    """
    if last is None or last.listed is None:
        return None
    listed = last.listed
    shared = frozenset(filter(None, inputs.ids)) & listed.keys()
    # objects that an older version listed have no input: they count under these
    objects = sum(listed[one] for one in shared) + listed.get(_NO_INPUT, 0)
    ordinals = frozenset(ordinal for ordinal, one in enumerate(inputs.ids) if one in shared)
    return FormerListing(shared, ordinals, objects, most_gone) if objects else None
