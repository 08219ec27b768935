"""Prints how well descriptions are cleaned, as Markdown: ``python -m tests.measure_descriptors [count]``."""

from __future__ import annotations

import sys
from collections import Counter

from anonymizer.descriptors.cleaner import DescriptorCleaner

from .support.descriptions import Description, Result, descriptions, measured

COUNT = 400


def clean(description: Description) -> str:
    """The description as a cleaner of its patient's leaves it."""
    return DescriptorCleaner(description.denied.__contains__).clean(description.text)


def table(results: dict[str, Result], count: int) -> str:
    """The results as a Markdown table."""
    head = ("the patient's words are", "descriptions", "identifiers", "left", "recall", "clinical words", "kept")
    rows: list[tuple[object, ...]] = [head, ("---",) * len(head)]
    for name, result in results.items():
        left, recall, share = len(result.left), f"{result.recall:.2%}", f"{result.share:.1%}"
        rows.append((name, count, result.identifiers, left, recall, result.clinical, share))
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure both halves; names the kinds of what was left."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    results = {name: measured(descriptions(name == "known", count), clean) for name in ("known", "unknown")}
    print(table(results, count))
    for name, result in results.items():
        for (kind, bare_name), times in Counter((left.kind, left.clinical_name) for left in result.left).items():
            print(f"- {name}: {times} of kind {kind}" + (", clinical words as surnames without a title" if bare_name else ""))


if __name__ == "__main__":
    main()
