"""The screen of one object on its way: what the rewriter made of it is compared with what it found in it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..files.pieces import Piece
from ..screening.screen import Screen, Subject
from ..screening.segments import fragments_of, header_size
from ..screening.uids import uids_of
from .object_state import ObjectState

#: bytes of a chunk that are searched again with the next: no name or UID is longer, in UTF-16
_OVERLAP = 256
#: arcs that an original UID has at least
_FEWEST_ARCS = 4
#: bytes of a header that goes on in the next fragment: what comes after it is looked at together with them
_MOST_BEGUN = 1 << 20


class ObjectScreening:
    """Screens one object, batch by batch."""

    def __init__(self, screen: Screen, elsewhere: Container[str]) -> None:
        """
        Args:
            elsewhere: words that identify somebody in other objects of the patient or study.
        """
        self._screen = screen
        self._elsewhere = elsewhere
        #: buffers of the original that were rewritten so far, and their UIDs once they were asked for
        self._read: list[bytes] = []
        self._originals: set[bytes] | None = None
        #: SpecificCharacterSet in force where the next batch begins
        self._charset = ""
        self._subject: Subject | None = None
        #: of a frame's header that goes on in the next fragment; None before the offset table
        self._begun: bytes | None = None

    def read(self, buffer: bytes) -> None:
        """Take a buffer of the original that was rewritten."""
        self._read.append(buffer)

    def screen(self, pieces: list[Piece], state: ObjectState) -> list[Piece]:
        """Return ``pieces`` without values that name somebody who is known.

        Args:
            state: of the object when they were made.

        Raises:
            DeidentificationError: what names somebody can't go.
        """
        if not pieces:
            return pieces
        encoding, root = state.encoding, state.plan.root
        identity = self._screen.identity(list(state.facts.known) or state.known, state.charset)

        def is_original(uid: bytes) -> bool:
            # with others behind it, too: derived UIDs tell of what they come from
            arcs = uid.split(b".")
            shorter = (b".".join(arcs[:count]) for count in range(len(arcs), _FEWEST_ARCS - 1, -1))
            return any(one in state.new_uids or one in self._original_uids(encoding) for one in shorter)

        # a set: where UIDs are many, each is asked for
        subject = Subject(identity, self._elsewhere, frozenset(state.new_uids.values()), is_original, state.declared_decision)
        self._subject = subject
        charset, self._charset = self._charset, state.charset
        at = len(pieces)
        if state.pixels is not None:
            at = next((index for index, piece in enumerate(pieces) if piece is state.pixels), at)
        before = self._screen.screen(pieces[:at], subject, root, encoding, charset)
        stays, gone = before
        if at < len(pieces):
            if state.encapsulated:
                for fragment in fragments_of(bytes(pieces[at]), encoding):
                    self.check_fragment(fragment, True)
            behind = self._screen.screen(pieces[at + 1 :], subject, root, encoding, state.charset)
            stays, gone = [*before.pieces, pieces[at], *behind.pieces], before.gone + behind.gone
        if gone:
            state.note_screened(gone)
        return stays

    def _original_uids(self, encoding: Encoding) -> set[bytes]:
        """Find all UIDs of the original, whether they were replaced or went with what holds them; most objects don't ask."""
        if self._originals is None:
            self._originals = set[bytes]().union(*(uids_of(buffer, encoding) for buffer in self._read))
        return self._originals

    def watched(self, chunks: Iterable[bytes], tag: int) -> Iterator[list[Piece]]:
        """Pass a long binary value as it is.

        Raises:
            DeidentificationError: it names somebody.
        """
        assert self._subject is not None
        before = b""
        for chunk in chunks:
            self._screen.check_binary(before + chunk, self._subject, tag)
            # what begins in one goes on in the next
            before = chunk[-_OVERLAP:]
            yield [chunk]

    def check_fragment(self, fragment: bytes, is_whole: bool) -> bool:
        """Look at the offset table, then at what stands before the pixels of each fragment.

        Args:
            fragment: its beginning, or all of it.

        Returns:
            Whether that was enough.

        Raises:
            DeidentificationError: it names somebody.
        """
        assert self._subject is not None
        if self._begun is None:
            if is_whole:
                self._screen.check_binary(fragment, self._subject, PIXEL_DATA)
                self._begun = b""
            return is_whole
        frame = self._begun + fragment
        size = header_size(frame)
        if size != 0:
            self._screen.check(frame[:size], self._subject)
        if is_whole or size is not None:
            # a header may go on in the next fragment
            self._begun = frame[-_MOST_BEGUN:] if size is None else b""
        return size is not None
