"""What must hold for any bytes at all, given to the engine."""

from __future__ import annotations

import time
from io import BytesIO, StringIO
from typing import Any

from anonymizer import DeidentificationError, Key, Reason
from anonymizer.internals import SERIES, SOP_INSTANCE, STUDY, Engine, KeyedUids, PixelDecision, Scan
from profiles import CLEAN, KEEP, QUARANTINE, ConfidentialityProfile, ProfileOptions

from .leaks import leaks
from .structure import read

_SECRET = bytes(range(32))
#: seconds of CPU for each MB, and to begin with: many times what is needed
_PER_MB, _AT_ONCE = 20.0, 5.0
#: everything at once that looks at values most closely
_OPTIONS = (
    ProfileOptions.CleanDesc
    | ProfileOptions.CleanStructdCont
    | ProfileOptions.CleanGraph
    | ProfileOptions.RetainSafePrivate
    | ProfileOptions.RetainLongModifDates
)


class Finding(AssertionError):
    """Something that must not be."""


class Drip:
    """A stream that gives little at a time, and counts what it gave."""

    def __init__(self, content: bytes, step: int) -> None:
        self._stream = BytesIO(content)
        self._step = step
        self.given = 0

    def read(self, size: int, /) -> bytes:
        """At most ``step`` bytes."""
        found = self._stream.read(min(size, self._step))
        self.given += len(found)
        return found


class Asked:
    """Hands new UIDs on, and remembers which were asked for."""

    def __init__(self, uids: KeyedUids) -> None:
        self._uids = uids
        self.found: set[bytes] = set()

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """As ``UidMapping.new_uid``."""
        self.found.add(uid)
        return self._uids.new_uid(uid, tag)


def new_engine(options: ProfileOptions | str = "", pixels: str = KEEP, **settings: Any) -> Engine:
    """An engine that has met nothing yet. It lets pass what is at risk: of many files the refusal would be all that is seen."""
    return Engine(ConfidentialityProfile.default(options, pixels=pixels, **settings), Key(_SECRET))


def _cleaning_engine() -> Engine:
    """An engine that blanks all of whatever is at risk."""
    rules = "name,condition,outcome,blank,provenance\nall,SOPClassUID is present,clean,all,the fuzzer\n"
    return new_engine("CleanPixelData", CLEAN, pixel_rules=StringIO(rules))


class Oracle:
    """Checks the engine with one object after the other; it is warm, as a worker's is.

    Attributes:
        outcomes: how many objects were written, and how many refused for which reason.
    """

    def __init__(self) -> None:
        self._basic, self._options, self._refusing = new_engine(), new_engine(_OPTIONS), new_engine(pixels=QUARANTINE)
        self._cleaning = _cleaning_engine()
        self.outcomes: dict[str, int] = {}

    def check(self, blob: bytes) -> bytes | None:
        """Returns the output, None where the object is refused.

        Raises:
            Finding: what doesn't hold.
        """
        started = time.process_time()
        scan, scan_uids = _scan(self._basic, blob)
        output, uids = _deidentify(self._basic, blob, size=len(blob))
        name = output if isinstance(output, str) else "written"
        self.outcomes[name] = self.outcomes.get(name, 0) + 1
        step = 1 + len(blob) % 997
        others = [
            _deidentify(self._basic, blob)[0],
            _deidentify(new_engine(), blob)[0],
            _deidentify(self._basic, blob, step=step)[0],
            _deidentify(self._basic, blob, step=1 << 14)[0],
        ]
        if any(other != output for other in others):
            raise Finding(
                f"not the same again: {[other if isinstance(other, str) else len(other) for other in (output, *others)]}"
            )
        with_options, _ = _deidentify(self._options, blob)
        if isinstance(with_options, bytes):
            _readable(with_options)
        if isinstance(output, str):
            if not isinstance(scan, str) and Reason(output) in _BY_HEADERS:
                raise Finding(f"the scan lets pass what is refused with {output}")
            self._check_refusal(blob, output)
            output = None
        else:
            if isinstance(scan, str):
                raise Finding(f"the scan refuses with {scan} what is written")
            if uids - scan_uids:
                raise Finding("a UID is replaced that the scan didn't find")
            self._check_output(output, scan)
            self._check_refusal(blob, output)
        self._check_cleaned(blob)
        taken = time.process_time() - started
        if taken > _AT_ONCE + _PER_MB * (len(blob) + len(output or b"")) / 1e6:
            raise Finding(f"{taken:.1f} s for {len(blob)} bytes")
        return output

    def _check_refusal(self, blob: bytes, kept: bytes | str) -> None:
        """By default all comes out as it does where risks are let pass, or is refused for one, in the first pass already."""
        found, _ = _deidentify(self._refusing, blob)
        if found not in _RISKS:
            # what is broken in two ways is refused for one or the other: where risks are let pass, more is read at first
            if found != kept and not (isinstance(found, str) and isinstance(kept, str)):
                raise Finding(f"what is let pass isn't what is at no risk: {found if isinstance(found, str) else len(found)}")
            if _claims(found) - {b"YES "}:
                raise Finding("an object at no risk doesn't say that the identity was removed")
            return
        if _claims(kept) - {b"NO"}:
            raise Finding(f"an object refused for {found} says that the identity was removed")
        scan, _ = _scan(self._refusing, blob)
        if not isinstance(scan, str):
            raise Finding(f"the scan lets pass what is refused with {found}")

    def _check_cleaned(self, blob: bytes) -> None:
        """An object that was cleaned can be read, says so, and is what its scan decided, whatever it was told again."""
        inspection = self._cleaning.inspect_pixels(Drip(blob, 1 << 30))
        output, _ = _deidentify(self._cleaning, blob)
        if isinstance(output, str):
            return
        if inspection.error is not None:
            raise Finding(f"the scan refuses with {inspection.error.reason} what is cleaned")
        if output != _deidentify(self._cleaning, blob, pixels=inspection.decision, step=1 + len(blob) % 997)[0]:
            raise Finding("by the scan's decision another object is written")
        _readable(output)
        if inspection.decision is not None and (_claims(output) - {b"YES "} or _values(output, _BURNED_IN) != {b"NO"}):
            raise Finding("a cleaned object doesn't say that it is one")

    def _check_output(self, output: bytes, scan: Scan) -> None:
        again, _ = _scan(self._basic, output)
        if isinstance(again, str):
            raise Finding(f"what was written is refused with {again}")
        for tag in (SOP_INSTANCE, STUDY, SERIES):
            if scan.uids.get(tag, (b"", b""))[1] != again.uids.get(tag, (b"", b""))[0]:
                raise Finding("what was written has other UIDs than the scan said")
        found, _ = leaks(output)
        if found:
            raise Finding("; ".join(found))
        _readable(output)


#: an object that is refused for these is refused in the first pass already
_BY_HEADERS = frozenset(
    {
        *(Reason.NOT_DICOM, Reason.DICOMDIR, Reason.UNOPENED_CONTAINER, Reason.INVALID_FILE_META, Reason.INVALID_UID),
        *(Reason.TRANSFER_SYNTAX_MISMATCH, Reason.UNSUPPORTED_TRANSFER_SYNTAX, Reason.PRIVATE_SOP_CLASS, Reason.AUDIO),
        *(Reason.MISSING_SOP_CLASS_UID, Reason.MISSING_SOP_INSTANCE_UID, Reason.HEADER_TOO_LARGE),
    }
)
_IDENTITY_REMOVED, _BURNED_IN = 0x00120062, 0x00280301
#: pixels that may show who somebody is
_RISKS = frozenset({Reason.BURNED_IN_ANNOTATION.value, *(reason.value for reason in Reason if reason.value.startswith("pixel-"))})


def _claims(output: bytes | str) -> set[bytes]:
    """What the object says about the removal of the identity; nothing where there is no object, or it can't be found."""
    return set() if isinstance(output, str) else _values(output, _IDENTITY_REMOVED)


def _values(output: bytes, tag: int) -> set[bytes]:
    """The values of an attribute at the top level, as far as they can be found."""
    found = read(output)
    return {found.content[place.value : place.end] for place in found.places if place.tag == tag and not place.depth}


def _deidentify(
    engine: Engine, blob: bytes, *, size: int | None = None, step: int = 1 << 30, pixels: PixelDecision | None = None
) -> tuple[bytes | str, set[bytes]]:
    """The output, or the reason why there is none; and the UIDs that were replaced."""
    uids, stream = Asked(engine.uids), Drip(blob, step)
    try:
        found: bytes | str = b"".join(engine.deidentify(stream, uids=uids, size=size, pixels=pixels).chunks())
    except DeidentificationError as error:
        found = _reason(error)
    if stream.given > len(blob):
        raise Finding("bytes were read twice")
    return found, uids.found


def _scan(engine: Engine, blob: bytes) -> tuple[Scan | str, set[bytes]]:
    uids = Asked(engine.uids)
    try:
        return engine.scan(Drip(blob, 1 << 30), uids=uids), uids.found
    except DeidentificationError as error:
        return _reason(error), uids.found


def _reason(error: DeidentificationError) -> str:
    if error.reason is Reason.INTERNAL_ERROR:
        raise Finding("an internal error")
    return error.reason.value


def _readable(output: bytes) -> None:
    """Raises Finding where the engine doesn't take its own output."""
    found, _ = _deidentify(new_engine(), output)
    if isinstance(found, str):
        raise Finding(f"what was written is refused with {found}")
