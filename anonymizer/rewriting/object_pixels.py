"""The pixels of one object on its way: decided on, searched for text in a scan, blanked where the object is rewritten."""

from __future__ import annotations

from profiles import PixelRisk

from ..blanking import PixelCleaner
from ..pixels import BlankedBy, CleanedPixels, FoundText, PixelDecision, PixelEvidence, decide, needs_search, sources_of
from ..text_detection import PixelSearch
from .bulk_values import TakePixels
from .object_state import ObjectState
from .pixel_header import PixelHeader, account_of


class ObjectPixels:
    """The state of one object's pixels, where the profile cleans any.

    Attributes:
        decision: what is blanked; None where there is nothing to decide, or the decision waits for a search.
        evidence: that by which it is made; None where the decision was given.
        needs_search: it waits for a search for text.
    """

    def __init__(self, decision: PixelDecision | None, *, searches: bool) -> None:
        """
        Args:
            decision: one that a scan came to.
            searches: look for text where the profile asks for that.
        """
        self.decision = decision
        self.evidence: PixelEvidence | None = None
        self.needs_search = False
        self._searches = searches
        self._header: PixelHeader | None = None
        self._sources: tuple[BlankedBy, ...] = ()
        self._search: PixelSearch | None = None
        self._cleaner: PixelCleaner | None = None

    @property
    def is_blanked(self) -> bool:
        """True where something is blanked."""
        return self._cleaner is not None

    @property
    def is_searched(self) -> bool:
        """True where text is looked for, and the pixels have not been read."""
        return self._search is not None

    @property
    def take(self) -> TakePixels | None:
        """The taker of the pixels, where they are handed over."""
        if self._search is not None:
            return self._search.look
        return None if self._cleaner is None else self._cleaner.clean

    @property
    def account(self) -> CleanedPixels | None:
        """The account of their cleaning, once they have passed; None where nothing was decided."""
        return None if self.decision is None else account_of(self.decision, self._cleaner)

    def written_syntax(self, syntax: str) -> str:
        """Return the transfer syntax in which an object that has ``syntax`` is written."""
        return syntax if self._cleaner is None else self._cleaner.written_syntax

    def judge(self, state: ObjectState, syntax: str, risks: tuple[PixelRisk, ...], *, header_only: bool) -> None:
        """Decide what is blanked in an object whose header was walked, or begin the search on which that depends.

        Args:
            syntax: UID of its transfer syntax.

        Raises:
            DeidentificationError: nothing tells what is to be blanked, or it can't be.
            RuntimeError: a search is needed, and nobody did it before.
        """
        policy = state.resources.profile.pixels
        if not policy.cleans:
            return
        header = self._header = PixelHeader(state, syntax, risks)
        if self.decision is not None or not header.is_meant:
            self._settle(self.decision, header)
            return
        self.evidence = header.evidence(policy)
        self._sources = sources_of(policy, self.evidence)
        if not needs_search(policy, self.evidence, self._sources):
            self._settle(decide(self.evidence, self._sources), header)
            return
        if not header_only:
            # a model runs in scans alone: its arithmetic may differ by the machine
            raise RuntimeError("the object was not scanned for text")
        self.needs_search = True
        search = header.search(self.evidence, self._sources)
        self._search = search if self._searches else None

    def end_search(self) -> None:
        """Decide by what was found, once the pixels have passed.

        Raises:
            DeidentificationError: as for ``judge``.
        """
        search, evidence, header = self._search, self.evidence, self._header
        assert search is not None and evidence is not None and header is not None
        self._search, self.needs_search = None, False
        self._settle(decide(evidence, self._sources, FoundText(search.rectangles, search.findings)), header)

    def _settle(self, decision: PixelDecision | None, header: PixelHeader) -> None:
        self.decision = decision
        if decision is not None:
            self._cleaner = header.cleaner(decision)
