"""The inputs of a run: which is which in its tables, and which of them the last run had, too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from anonymizer import Key
from transforms import EarlierRun, FormerListing

from ..job import Inputs
from .digests import digest_of_input

#: where an ordinal is no input's
_NONE = ""


def number_inputs(names: Sequence[str], key: Key, last: EarlierRun | None) -> Inputs:
    """Give each input the ordinal that it has in the run that is gone on with: the source ids of its objects depend on it.

    Others get what is left, in their order.

    Args:
        last: that run; None: there is none.
    """
    ids = [digest_of_input(name, key) for name in names]
    former = list(last.inputs) if last else []
    known: dict[int, int] = {}
    for at, one in enumerate(ids):
        if one in former:
            known[at] = former.index(one)
            # named twice it has two
            former[known[at]] = _NONE
    left = (ordinal for ordinal in count() if ordinal not in known.values())
    ordinals = [known[at] if at in known else next(left) for at in range(len(ids))]
    by_ordinal = dict(zip(ordinals, ids, strict=True))
    return Inputs(
        list(zip(ordinals, names, strict=True)),
        tuple(by_ordinal.get(ordinal, _NONE) for ordinal in range(max(ordinals, default=-1) + 1)),
    )


def former_listing(inputs: Inputs, last: EarlierRun | None, most_gone: float) -> FormerListing | None:
    """What the last run listed under these inputs; None where nobody knows of any.

    Args:
        last: the run that is gone on with, or whose account this one's is to replace.
        most_gone: how many percent of it may be gone.
    """
    if last is None or last.listed is None:
        return None
    listed = last.listed
    shared = frozenset(filter(None, inputs.ids)) & listed.keys()
    # what an older version listed has no input: it counts as listed under these
    objects = sum(listed[one] for one in shared) + listed.get(_NONE, 0)
    ordinals = frozenset(ordinal for ordinal, one in enumerate(inputs.ids) if one in shared)
    return FormerListing(shared, ordinals, objects, most_gone) if objects else None
