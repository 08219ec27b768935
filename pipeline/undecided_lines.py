"""A sentence on lines of ``--rectangles`` on which nobody has decided yet."""

from __future__ import annotations


def undecided_lines(count: int) -> str:
    """Return the sentence.

    Args:
        count: of lines without a reviewer.
    """
    return f"--rectangles: {count} lines have no reviewer, and say nothing until somebody decides and gives a name there."
