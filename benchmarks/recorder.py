"""A recorder of the bytes between the stages of a job on this machine, as Beam's coders encode them.

FnApiRunner gives each stage's output to a buffer: one for each shuffle, one for what a later stage will read again. The
recorder stands before these buffers; what they get, and what becomes of it, stays the same.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apache_beam.coders.coder_impl import create_InputStream
from apache_beam.runners.portability.fn_api_runner.execution import BundleContextManager, GroupingBuffer, ListBuffer
from apache_beam.runners.portability.fn_api_runner.translations import split_buffer_id

_NAME = re.compile(r"\d*(.+)\.\w+")


@dataclass
class Crossing:
    """The bytes that went from one stage to another.

    Attributes:
        step: the step that groups it, or that made what is kept.
        shuffled: grouped by key; else kept, because who reads it must wait for a side input, or reads it as one.
        rows, size: elements and their encoded bytes, each with its timestamp, window and pane.
        content: the encoded elements, where they were to be kept.
        coder: their coder.
    """

    step: str
    shuffled: bool
    rows: int = 0
    size: int = 0
    content: bytearray = field(default_factory=bytearray, repr=False)
    coder: Any = field(default=None, repr=False)

    def elements(self) -> Iterator[Any]:
        """Yield the elements of ``content``, decoded."""
        stream = create_InputStream(bytes(self.content))
        while stream.size():
            yield self.coder.decode_from_stream(stream, True).value


def _watch(buffer: GroupingBuffer | ListBuffer, crossing: Crossing, keep: bool) -> None:
    """Let ``crossing`` learn of what is appended to ``buffer`` from now on."""
    append = buffer.append
    coder = crossing.coder = buffer._pre_grouped_coder.get_impl() if isinstance(buffer, GroupingBuffer) else buffer._coder_impl

    def watched(encoded: bytes) -> None:
        crossing.size += len(encoded)
        stream = create_InputStream(encoded)
        while stream.size():
            coder.decode_from_stream(stream, True)
            crossing.rows += 1
        if keep:
            crossing.content += encoded
        append(encoded)

    buffer.append = watched


def _step_of(pcollection: Any, name: str) -> str:
    # Beam's unique names are a number, the step's name and the output's tag; runners add collections that have none
    found = _NAME.fullmatch(pcollection.unique_name)
    return found.group(1) if found else name


@contextlib.contextmanager
def recorded(*, keep: bool = False) -> Iterator[dict[str, Crossing]]:
    """Record the jobs that run meanwhile: by the steps' names, filled while a job runs.

    Args:
        keep: keep the elements, too; all of them, in memory.
    """
    crossings: dict[str, Crossing] = {}
    get_buffer = BundleContextManager.get_buffer

    def tapped(self: Any, buffer_id: bytes, transform_id: str) -> Any:
        buffer = get_buffer(self, buffer_id, transform_id)
        kind, name = split_buffer_id(buffer_id)
        if kind not in ("group", "materialize"):
            return buffer
        components = self.execution_context.pipeline_components
        step = components.transforms[name].unique_name if kind == "group" else _step_of(components.pcollections[name], name)
        if "append" not in vars(buffer):
            _watch(buffer, crossings.setdefault(step, Crossing(step, kind == "group")), keep)
        return buffer

    BundleContextManager.get_buffer = tapped
    try:
        yield crossings
    finally:
        BundleContextManager.get_buffer = get_buffer
