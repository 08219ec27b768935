"""The sample of contact sheets is that of the whole archive, however it is divided, and bounded."""

from __future__ import annotations

import random
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from anonymizer.internals import PixelDecision
from storage import ObjectRef
from transforms.contact_sheets import sample_objects
from transforms.contact_sheets.sample_objects import SampleGroups, SheetCandidate, SheetCandidates, SheetObject
from transforms.shuffle.record_coder import encode_record


def candidate(group: int, rank: int, source: int = 0) -> SheetCandidate:
    one = SheetObject(ObjectRef(b"/in/x", str(source).encode(), 1, ""), bytes([rank]) * 32, PixelDecision(1, 1, ()))
    return SheetCandidate(group.to_bytes(16, "big"), bytes([rank]) * 16 + encode_record(one))


CANDIDATES = st.lists(st.builds(candidate, st.integers(0, 5), st.integers(0, 30), st.integers(0, 3)), max_size=60)


@given(CANDIDATES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_no_division_changes_it(candidates: list[SheetCandidate], samples: int, order: random.Random) -> None:
    combine = SampleGroups(samples)
    whole = combine.extract_output(combine.add_input(combine.create_accumulator(), SheetCandidates(candidates)))
    order.shuffle(candidates)
    places = sorted(order.randrange(len(candidates) + 1) for _ in range(3))
    parts = [candidates[start:end] for start, end in zip([0, *places], [*places, len(candidates)], strict=True)]
    accumulators = [
        reduce(combine.add_input, (SheetCandidates([one]) for one in part), combine.create_accumulator()) for part in parts
    ]
    assert combine.extract_output(combine.merge_accumulators(accumulators)) == whole
    assert sum(group.objects for group in whole.groups) == len(candidates)
    for group in whole.groups:
        ranks = sorted({one.entry[:16] for one in candidates if one.group == group.group})[:samples]
        assert [one.instance[:16] for one in group.sample] == ranks, "one for each SOPInstanceUID, those with the least hashes"


def test_groups_that_are_too_many_are_counted() -> None:
    combine, most = SampleGroups(2), sample_objects.MOST_GROUPS
    groups = list(range(3 * most)) * 2
    random.Random(1).shuffle(groups)
    parts = [
        combine.add_input(combine.create_accumulator(), SheetCandidates(candidate(group, 1 + at % 2) for at, group in part))
        for part in (list(enumerate(groups))[start : start + 700] for start in range(0, len(groups), 700))
    ]
    assert all(len(held) <= 2 * most for held, _ in parts)
    sample = combine.extract_output(combine.merge_accumulators(parts))
    assert [int.from_bytes(group.group, "big") for group in sample.groups] == list(range(most))
    assert {group.objects for group in sample.groups} == {2} and sample.others == 4 * most
