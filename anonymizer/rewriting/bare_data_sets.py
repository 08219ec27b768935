"""Bare data sets, as Python programs have them: whole in memory, without a file header, perhaps without their UIDs."""

from __future__ import annotations

from collections.abc import Generator
from io import BytesIO
from typing import TypeVar

from profiles import compile_plan

from ..dicom.buffer import Buffer
from ..dicom.encoding import UNDEFINED, Encoding
from ..dicom.object_reader import ObjectReader
from ..dicom.part10 import native_syntax
from ..dicom.tags import SOP_CLASS
from ..files.pieces import Piece, PieceBatch
from ..identity.lookahead import find_class
from .bulk_values import pass_bulk
from .data_set_rewriter import end_object, rewrite_object
from .final_look import FinalLook
from .object_pixels import ObjectPixels
from .object_rules import ObjectRules
from .object_state import HeaderFindings, ObjectState

T = TypeVar("T")


def rewrite_bare(
    rules: ObjectRules, content: bytes, encoding: Encoding, sop_class: str, fragments_syntax: str
) -> tuple[bytes, str]:
    """Return a bare data set, de-identified, and the transfer syntax of its fragments.

    Args:
        sop_class, fragments_syntax: as for ``Engine.rewrite_data_set``.

    Raises:
        DeidentificationError: it can't be understood, or must not be written.
    """
    resources, buffer = rules.resources, Buffer(content, complete=True)
    if sop_class:
        rules.check_sop_class(sop_class.encode("latin-1", "replace"))
    plan = compile_plan(resources.profile, sop_class)
    if find_class(buffer, 0, encoding, "").has_references:
        plan = rules.with_references(plan)
    facts = resources.subjects.read_subject(buffer, 0, encoding, is_of_patient=plan.belongs_to_study)
    findings, pixels, is_judged = HeaderFindings(), ObjectPixels(None, searches=True), False
    while True:
        state = rules.begin(plan, encoding, resources.uids, facts, findings)
        pieces = rewrite_object(state, buffer, 0)
        if state.has_references:
            plan = rules.with_references(plan)
            continue
        rules.check_nested_pixels(state)
        risks = rules.pixel_risks(state, keep=resources.profile.pixels.passes_risks)
        rules.check_face(rules.face(state), None)
        if pixels.is_searched:
            # this walk stopped at the pixels; they are handed over once more where something is blanked
            assert state.bulk is not None
            _drain(pass_bulk(state, state.bulk, ObjectReader(BytesIO()), None, pixels.take), [])
            pixels.end_search()
            findings = findings._replace(searches_pixels=False)
            continue
        if not is_judged:
            is_judged = True
            syntax = fragments_syntax if state.pixel_length == UNDEFINED else native_syntax(encoding)
            pixels.judge(state, syntax, risks, header_only=True)
            if pixels.is_searched:
                findings = findings._replace(searches_pixels=True)
                continue
        missing = rules.missing_uids(state) if SOP_CLASS in state.uids else {}
        before, is_blanked = findings, pixels.is_blanked
        statement = rules.statement(state, risks, is_blanked=is_blanked)
        findings = HeaderFindings(risks, statement, {**before.missing, **missing}, is_blanked)
        if findings == before:
            written = fragments_syntax
            if state.pixel_length == UNDEFINED:
                written = pixels.written_syntax(written)
            return b"".join(_finish(rules, state, pieces, content, pixels)), written
        if is_blanked:
            plan = rules.blanking(plan)


def _finish(rules: ObjectRules, state: ObjectState, pieces: list[Piece], content: bytes, pixels: ObjectPixels) -> list[Piece]:
    """Return ``pieces`` without what names somebody, and behind them the pixels in which something is blanked."""
    final = FinalLook(state.resources, frozenset())
    final.read(content)
    written = [*final.look(pieces, state)]
    if state.bulk is None:
        return written
    behind = _drain(pass_bulk(state, state.bulk, ObjectReader(BytesIO()), final.screening, pixels.take), written)
    rest: list[Piece] = [*end_object(state)] if not behind else rewrite_object(state, Buffer(behind, complete=True), 0)
    rules.check_nested_pixels(state)
    return [*written, *final.look(rest, state)]


def _drain(batches: Generator[PieceBatch, None, T], into: list[Piece]) -> T:
    """Append what a generator yields, and return what it returns."""
    while True:
        try:
            batch = next(batches)
        except StopIteration as end:
            found: T = end.value
            return found
        assert isinstance(batch, list)
        into += batch
