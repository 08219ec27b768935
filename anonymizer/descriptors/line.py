"""A line of a description: its tokens, and the state of each."""

from __future__ import annotations

from typing import NamedTuple

from .tokens import NUMERIC, Kind, Token, has_kind

#: punctuation that parts a name from what stands beside it
PARTS = frozenset(':;|"')


class Placed(NamedTuple):
    """A token where it stands: ``text`` (folded) begins at ``start`` of the line."""

    token: Token
    text: str
    start: int


class Line:
    """The tokens of a line.

    Attributes:
        placed: the tokens in order.
        kinds: what each is; a word that identifies somebody is UNKNOWN from the beginning.
    """

    def __init__(self, placed: list[Placed], kinds: list[Kind]) -> None:
        self.placed = placed
        self.kinds = kinds

    def kind(self, index: int) -> Kind | None:
        """Return the kind of a token, None outside the line."""
        return self.kinds[index] if 0 <= index < len(self.kinds) else None

    def word(self, index: int) -> str:
        """Return the normal word of a token, "" outside the line."""
        return self.placed[index].token.word if 0 <= index < len(self.placed) else ""

    def text(self, index: int) -> str:
        """Return the text of a token, "" outside the line."""
        return self.placed[index].text if 0 <= index < len(self.placed) else ""

    def said(self, index: int, kind: str) -> bool:
        """Return whether the token's word has a kind in ``context_words.csv``."""
        return has_kind(self.word(index), kind)

    def beyond_marks(self, index: int, step: int) -> int:
        """Return the next token in a direction that isn't punctuation; its index may lie outside the line."""
        index += step
        while self.kind(index) is Kind.MARK:
            index += step
        return index

    def across(self, index: int, step: int) -> int | None:
        """Return the next token in a direction within the same sentence and part of the line; None where that ends first."""
        if step > 0 and self.placed[index].token.ends_sentence:
            return None
        index += step
        while self.kind(index) is Kind.MARK:
            if self.text(index) in PARTS:
                return None
            index += step
        if self.kind(index) is None or (step < 0 and self.placed[index].token.ends_sentence):
            return None
        return index

    def is_number(self, index: int) -> bool:
        """Return whether the token is the number of a day or a year, or an age: 3, 3rd, 1962."""
        if self.kind(index) is None:
            return False
        word = self.word(index)
        return self.placed[index].token.kind in NUMERIC or (word[:1].isdigit() and word.endswith(("st", "nd", "rd", "th")))
