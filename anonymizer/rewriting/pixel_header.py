"""The header of an object whose pixels may be cleaned, as far as it tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from profiles import BURNED_IN_ANNOTATION, SPECIMEN_LABEL_IN_IMAGE, PixelPolicy, PixelRisk, Reviewed, attribute_vr, union

from ..blanking import ImageFormat, PixelCleaner, PixelForm, form_of, read_image_format
from ..dicom.tags import PIXEL_DATA, SERIES, SOP_INSTANCE
from ..errors import DeidentificationError
from ..pixels import BlankedBy, CleanedPixels, PixelDecision, PixelEvidence, read_regions, size_of
from ..pixels.notes import noted_value
from ..pixels.regions import ABSENT, INVALID, RegionState
from ..pixels.triage import split_values
from ..reasons import Reason
from ..text_detection import PixelSearch
from .kept_lines import keeps_measurements
from .object_state import ObjectState

_ROWS, _COLUMNS, _IMAGE_TYPE, _OFFSETS = 0x00280010, 0x00280011, 0x00080008, 0x7FE00001
#: LossyImageCompression
_LOSSY = 0x00282110
#: CineRate, FrameTime, FrameTimeVector, RecommendedDisplayFrameRate
_OF_LOOPS = frozenset({0x00180040, 0x00181063, 0x00181065, 0x00082144})
#: TotalPixelMatrixColumns
_MATRIX = 0x00480006
_CENTER, _WIDTH, _INTERCEPT, _SLOPE = 0x00281050, 0x00281051, 0x00281052, 0x00281053
_RESCALING = ((_SLOPE, "1"), (_INTERCEPT, "0"))
#: windows of an image that are looked at
_MOST_WINDOWS = 3
_ADMITTED_BY_ITEMS = {
    BURNED_IN_ANNOTATION: Reason.BURNED_IN_ANNOTATION,
    SPECIMEN_LABEL_IN_IMAGE: Reason.PIXEL_SPECIMEN_LABEL,
}


class PixelHeader:
    """The header of an object whose walk has come to its pixels: all of it is in the buffer."""

    def __init__(self, state: ObjectState, transfer_syntax: str, risks: tuple[PixelRisk, ...]) -> None:
        """
        Args:
            risks: of the object.
        """
        self._state = state
        self._transfer_syntax = transfer_syntax
        self._risks = risks

    @property
    def is_meant(self) -> bool:
        """True for an object at risk, and for one that a site's own rule or a reviewer speaks of, or in which text is sought."""
        if self._risks:
            return True
        state = self._state
        if not state.judged_by.has_pixels:
            return False
        text = state.resources.profile.pixels.text
        if text is not None and text.looks_at_all and not self._is_tiled:
            return True
        triage = state.resources.rule_triage
        if triage is not None and triage.may_mean(state.judged_by, state.charset):
            return True
        return self._reviewed(0, 0) is not None

    def evidence(self, policy: PixelPolicy) -> PixelEvidence:
        """Return the evidence by which it is decided what is blanked, in an object that ``is_meant``.

        Raises:
            DeidentificationError: the object has no pixels, or no image of a size.
        """
        state = self._state
        if not state.judged_by.has_pixels:
            # what it says of itself can't be made untrue
            raise self._refusal(Reason(self._risks[0].reason), self._risks[0].tag)
        values = self._values(policy.rules.tags | {_ROWS, _COLUMNS, _IMAGE_TYPE, _LOSSY})
        rows, columns = (size_of(values.get(tag, ())) for tag in (_ROWS, _COLUMNS))
        if not rows or not columns:
            raise self._refusal(Reason.PIXEL_INVALID_IMAGE, _COLUMNS if rows else _ROWS)
        self._check_admissions_of_items()
        regions = ABSENT
        if "us-region-calibration" in state.plan.types.modules or not state.plan.known_iod:
            regions = read_regions(state.buffer, state.start, state.encoding, rows, columns)
            if regions.state is RegionState.VALID and _was_resampled(values):
                regions = INVALID
        return PixelEvidence(self._risks, values, rows, columns, regions, self._reviewed(rows, columns))

    def _reviewed(self, rows: int, columns: int) -> Reviewed | None:
        """Return what the reviewer's file says of the object as an image of that size."""
        resources = self._state.resources
        if resources.reviewed is None:
            return None
        instance, series = self._state.uid(SOP_INSTANCE)[0], self._state.uid(SERIES)[0]
        return resources.reviewed.find(instance, series, resources.uids.hash(instance), rows, columns)

    def _check_admissions_of_items(self) -> None:
        """Refuse an object in which an item admits something: nothing that is blanked makes that untrue.

        Raises:
            DeidentificationError: one does.
        """
        for tag, reason in _ADMITTED_BY_ITEMS.items():
            values = split_values(b"\\".join(self._state.judged_by.nested.get(tag, ())), self._state.charset)
            if any(value.upper() not in ("", "NO") for value in values):
                raise self._refusal(reason, tag)

    def cleaner(self, decision: PixelDecision) -> PixelCleaner | None:
        """Return what blanks the object's pixels; None where nothing is to be blanked.

        Raises:
            DeidentificationError: they can't be, or aren't of the size for which it was decided.
        """
        rectangles = decision.rectangles
        if not rectangles:
            return None
        state = self._state
        image = self._image(decision.rows, decision.columns)
        try:
            says_lossy = "01" in self._values(frozenset({_LOSSY})).get(_LOSSY, ())
            return PixelCleaner(image, rectangles, self._transfer_syntax, with_table=_has_table(state), says_lossy=says_lossy)
        except DeidentificationError as error:
            raise error.with_risks(self._reasons) from None

    def search(self, evidence: PixelEvidence, sources: Sequence[BlankedBy]) -> PixelSearch:
        """Return what looks for text in the object's pixels.

        Args:
            sources: what others say is to be blanked.

        Raises:
            DeidentificationError: they can't be decoded.
        """
        search = self._state.resources.profile.pixels.text
        assert search is not None
        image = self._image(evidence.rows, evidence.columns)
        if self._is_tiled and image.frames > 1:
            # text may stand over several tiles, and in none of them
            raise self._refusal(Reason.PIXEL_UNSUPPORTED_FORMAT, _MATRIX)
        black = union((one.rectangles for one in sources), evidence.rows, evidence.columns)
        keeps = keeps_measurements(self._state) if search.keeps_measurements else None
        try:
            return PixelSearch(search, image, self._transfer_syntax, black, keeps, moves=self._moves(), windows=self._windows())
        except DeidentificationError as error:
            raise error.with_risks(self._reasons) from None

    @property
    def _is_tiled(self) -> bool:
        """True if frames are tiles of one picture (PS3.3 C.8.12.14)."""
        return _MATRIX in self._values(frozenset({_MATRIX}))

    def _moves(self) -> bool:
        """Return whether the frames follow each other in time (PS3.3 C.7.6.5), by an attribute that has a value."""
        return any(any(values) for values in self._values(_OF_LOOPS).values())

    def _windows(self) -> list[tuple[float, float]]:
        """Return the windows in stored values (PS3.3 C.11.2.1.2): WindowCenter, WindowWidth, as the rescaled values have them."""
        found = self._values(frozenset({_CENTER, _WIDTH, _SLOPE, _INTERCEPT}))
        try:
            slope, intercept = (float((found.get(tag) or (default,))[0] or default) for tag, default in _RESCALING)
            pairs = zip(map(float, found.get(_CENTER, ())), map(float, found.get(_WIDTH, ())), strict=False)
            edges = [[(center + side * width / 2 - intercept) / slope for side in (-1, 1)] for center, width in pairs]
        except (ValueError, ZeroDivisionError):
            # whoever shows the image has none, either
            return []
        return [(min(each), max(each)) for each in edges[:_MOST_WINDOWS] if all(map(isfinite, each)) and each[0] != each[1]]

    def _image(self, rows: int, columns: int) -> ImageFormat:
        """Return the format of the object's pixels.

        Raises:
            DeidentificationError: it isn't known, or the image is of another size.
        """
        state = self._state
        if PIXEL_DATA not in state.judged_by.top:
            # FloatPixelData or DoubleFloatPixelData
            raise self._refusal(Reason.PIXEL_UNSUPPORTED_FORMAT)
        form = form_of(self._transfer_syntax)
        if form is None:
            raise self._refusal(Reason.PIXEL_UNSUPPORTED_SYNTAX)
        try:
            image = read_image_format(state.buffer, state.start, state.encoding, state.pixel_vr, form=form)
        except DeidentificationError as error:
            raise error.with_risks(self._reasons) from None
        if (image.rows, image.columns) != (rows, columns):
            raise self._refusal(Reason.PIXEL_SIZE_MISMATCH, _ROWS)
        if form is PixelForm.NATIVE and state.pixel_length != image.value_length:
            raise self._refusal(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
        return image

    @property
    def _reasons(self) -> tuple[Reason, ...]:
        return tuple(Reason(risk.reason) for risk in self._risks)

    def _refusal(self, reason: Reason, tag: int = 0) -> DeidentificationError:
        return DeidentificationError(reason, tag, self._reasons)

    def _values(self, tags: frozenset[int]) -> dict[int, tuple[str, ...]]:
        state = self._state
        buffer, encoding = state.buffer, state.encoding
        found = {}
        for tag, (vr, start, length) in buffer.find(state.start, len(buffer.content), tags, encoding).items():
            name = vr.decode("latin-1") if vr not in (b"", b"UN") else attribute_vr(tag).split(" ")[0]
            found[tag] = split_values(noted_value(name, buffer.content, start, length, encoding), state.charset)
        return found


def account_of(decision: PixelDecision, cleaner: PixelCleaner | None) -> CleanedPixels:
    """Return the account of an object's pixels, once they have passed ``cleaner``; None: nothing was to be blanked."""
    if cleaner is None:
        return CleanedPixels(decision.rows, decision.columns, 0, decision.sources, "", "", "kept", decision.text)
    done = cleaner.verdict
    # what was widened may overlap
    widened = [union((cleaner.effective(one.rectangles),), decision.rows, decision.columns) for one in decision.sources]
    sources = tuple(one._replace(rectangles=areas) for one, areas in zip(decision.sources, widened, strict=True))
    return CleanedPixels(decision.rows, decision.columns, done.frames, sources, done.fill, done.codec, "verified", decision.text)


def _was_resampled(values: Mapping[int, tuple[str, ...]]) -> bool:
    """Return whether an image may be another than that for which its regions were measured: derived by more than compression."""
    derived = [value.upper() for value in values.get(_IMAGE_TYPE, ())[:1]] == ["DERIVED"]
    return derived and "01" not in values.get(_LOSSY, ())


def _has_table(state: ObjectState) -> bool:
    """Return whether attributes tell where the frames begin; they go, and a basic offset table takes their place."""
    return _OFFSETS in state.buffer.find(state.start, len(state.buffer.content), frozenset({_OFFSETS}), state.encoding)
