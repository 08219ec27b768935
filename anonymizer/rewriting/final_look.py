"""The last look at what is written of an object: the screen for known identifiers, then the review by people's verdicts."""

from __future__ import annotations

from collections.abc import Container, Iterable

from ..files.pieces import Piece
from ..review.object_review import ObjectReview
from ..review.values import KeptValue
from .engine_resources import EngineResources
from .object_screening import ObjectScreening
from .object_state import ObjectState


class FinalLook:
    """Looks at one object, batch by batch.

    Attributes:
        screening: the screen for known identifiers; None where the profile has none.
    """

    def __init__(self, resources: EngineResources, words: Container[str], *, collects: bool = False) -> None:
        """
        Args:
            words: words that identify somebody in other objects of the patient or study.
            collects: note the values that stay.
        """
        screen = resources.screen
        self.screening = None if screen is None else ObjectScreening(screen, words)
        self._review = ObjectReview(resources.review) if collects or resources.review.verdicts else None
        #: SpecificCharacterSet in force where the next batch begins
        self._charset = ""

    @property
    def kept(self) -> Iterable[KeptValue]:
        """The values that stay, as far as they were asked for, each once."""
        return () if self._review is None else self._review.kept.values()

    def read(self, buffer: bytes) -> None:
        """Take a buffer of the original that was rewritten."""
        if self.screening is not None:
            self.screening.read(buffer)

    def look(self, pieces: list[Piece], state: ObjectState) -> list[Piece]:
        """Return ``pieces`` without values that name somebody who is known, and those that people decided to take out.

        Args:
            state: of the object when they were made.

        Raises:
            DeidentificationError: what must go can't go.
        """
        stays = pieces if self.screening is None else self.screening.screen(pieces, state)
        if self._review is not None and stays:
            stays = self._reviewed(self._review, stays, state)
        self._charset, state.pixels = state.charset, None
        return stays

    def _reviewed(self, review: ObjectReview, pieces: list[Piece], state: ObjectState) -> list[Piece]:
        is_there = state.pixels is not None
        at = next((index for index, piece in enumerate(pieces) if is_there and piece is state.pixels), len(pieces))

        def reviewed(part: list[Piece], charset: str) -> list[Piece]:
            if not part:
                return part
            return review.review(part, state.plan.root, state.encoding, charset, state.declared_decision)

        # texts stand before the pixels, but for a few
        texts = state.cleaned or []
        stays = [*reviewed(pieces[:at], self._charset), *pieces[at : at + 1], *reviewed(pieces[at + 1 :], state.charset)]
        if texts:
            review.note_cleaned(texts)
            texts.clear()
        if review.gone:
            state.note_gone(review.gone)
            review.gone = []
        return stays
