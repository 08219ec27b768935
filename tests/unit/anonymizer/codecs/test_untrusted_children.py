"""Children that can't be forked, are lost with their template, or lie: what they say is not believed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from anonymizer import DeidentificationError
from anonymizer.child_processes import Client, Limits, messages
from anonymizer.child_processes import client as processes
from anonymizer.codecs import Coding, blank_dct, decode, encode
from anonymizer.codestreams import Family, is_plain_dct
from anonymizer.reasons import Reason
from tests.support.codestream_samples import segment
from tests.support.frame_encoders import Coding as Encoding
from tests.support.frame_encoders import encode_frame

from .test_child_processes import CODING, LARGE, SMALL, own_client, template_of, wait_for, works
from .test_lossless_frames import codestream_of, random_raster, reason_of

__all__ = ["own_client"]
#: the first fork of a template fails, as without memory
_FAILS_ONCE = """
import os
fork, failed = os.fork, []
def fails_once():
    if not failed:
        failed.append(True)
        raise OSError(11, "no process")
    return fork()
os.fork = fails_once
"""


def test_a_fork_that_fails_costs_nothing_but_another_try(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_MAIN", _FAILS_ONCE + processes._MAIN)
    assert decode(encode(SMALL, CODING), codestream_of(SMALL, CODING)) == SMALL
    first = template_of(own_client)
    assert works() and template_of(own_client) == first


def test_what_a_lost_template_was_asked_is_asked_again(own_client: Client) -> None:
    assert works()
    first, found = template_of(own_client), []
    asking = threading.Thread(target=lambda: found.append(encode(LARGE, CODING)))
    asking.start()
    time.sleep(0.3)
    os.kill(first, signal.SIGKILL)
    asking.join()
    assert found and decode(found[0], codestream_of(LARGE, CODING)) == LARGE
    assert template_of(own_client) != first


def test_large_frames_are_coded_one_at_a_time(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    own_client.limits = Limits(large=100)
    at_work, most = [0], [0]
    real = processes._ask_child

    def count(*arguments: object) -> object:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        try:
            return real(*arguments)  # type: ignore[arg-type]
        finally:
            at_work[0] -= 1

    monkeypatch.setattr(processes, "_ask_child", count)
    raster = random_raster(200, 200, 1, 8)
    threads = [threading.Thread(target=encode, args=(raster, CODING)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    wait_for(lambda: not at_work[0])


@pytest.mark.parametrize("buffers", [[], [b"", b""], [b"x"] * 1000])
def test_answers_of_another_number_of_buffers_are_refused(buffers: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "receive", lambda *_: ({"status": "done"}, [bytearray(one) for one in buffers]))
    assert reason_of(lambda: encode(SMALL, CODING)) is Reason.PIXEL_CODEC_FAILED
    assert messages.GREETING != messages.NO_PROCESS


def answering(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """Have each answer changed, as by a child that somebody took over."""
    real = processes._ask_child

    def changed(*arguments: Any) -> tuple[dict[str, Any], list[bytearray]]:
        answer, buffers = real(*arguments)
        return answer, [bytearray(change(bytes(one))) for one in buffers]

    monkeypatch.setattr(processes, "_ask_child", changed)


def test_text_that_a_child_adds_to_a_dct_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = encode_frame(random_samples(), Encoding("50"))
    clean = blank_dct(frame, [[]], [0], 8)
    assert is_plain_dct(clean)
    comment, table = segment(0xFE, b"DOE^JANE"), segment(0xC4, b"\x13" + bytes(15) + b"\x08DOE^JANE")
    for change in (
        lambda frame: frame[:2] + comment + frame[2:],
        lambda frame: frame[:-2] + comment + frame[-2:],
        lambda frame: frame[: frame.index(b"\xff\xda")] + table + frame[frame.index(b"\xff\xda") :],
        lambda frame: frame + b"DOE^JANE",
        lambda frame: frame[:2] + segment(0xDB, b"\3" + b"DOE^JANE" * 8) + frame[2:],
        lambda frame: b"DOE^JANE",
    ):
        with monkeypatch.context() as context:
            answering(context, change)
            assert reason_of(lambda: blank_dct(frame, [[]], [0], 8)) is Reason.PIXEL_CODEC_FAILED


def random_samples() -> object:
    import numpy as np

    return np.random.default_rng(3).integers(0, 256, (40, 40, 1))


@pytest.mark.parametrize("family", [Family.JPEG_LOSSLESS, Family.JPEG_LS, Family.JPEG_2000, Family.HTJ2K])
def test_text_that_a_child_adds_to_another_frame_is_found(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    is_2000 = family in (Family.JPEG_2000, Family.HTJ2K)
    comment = segment(0x64 if is_2000 else 0xFE, b"\0\1DOE^JANE")
    size = 4 + int.from_bytes(encode(SMALL, Coding(family))[4:6], "big")
    for change in (
        # behind SIZ, or whatever is first
        lambda frame: frame[:size] + comment + frame[size:],
        lambda frame: frame + b"DOE^JANE",
        lambda frame: frame.rstrip(b"\0")[:-2] + b"DOE^JANE",
    ):
        with monkeypatch.context() as context:
            answering(context, change)
            with pytest.raises(DeidentificationError) as refused:
                encode(SMALL, Coding(family))
            assert refused.value.reason is Reason.PIXEL_UNSUPPORTED_FORMAT
