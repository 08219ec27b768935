"""Codecs that crash, loop or take all memory end alone: the request fails, and the next one works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anonymizer import DeidentificationError
from anonymizer.child_processes import Client, Limits
from anonymizer.child_processes import client as processes
from anonymizer.codecs import Coding, Raster, client, decode, encode
from anonymizer.codestreams import Family
from anonymizer.reasons import Reason

from .test_lossless_frames import codestream_of, random_raster, reason_of

pytest.importorskip("imagecodecs")
CODING = Coding(Family.JPEG_2000)
SMALL = random_raster(16, 16, 1, 8)
#: seconds of work for OpenJPEG
LARGE = random_raster(2400, 2400, 1, 16)


@pytest.fixture
def own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client with no template yet."""
    own = Client(client._client._module)
    monkeypatch.setattr(client, "_client", own)
    yield own
    own.stop()


def template_of(own: Client) -> int:
    """The process number of a client's template."""
    assert own._template is not None
    return own._template._process.pid


def children_of(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so, half a minute at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def works() -> bool:
    return decode(encode(SMALL, CODING), codestream_of(SMALL, CODING)) == SMALL


def refused_while(act: Callable[[int], None], own: Client) -> Reason:
    """The reason why a long request is refused, while ``act`` is done to its child."""
    assert works()
    template, reasons = template_of(own), []
    thread = threading.Thread(target=lambda: reasons.append(reason_of(lambda: encode(LARGE, CODING))))
    thread.start()
    wait_for(lambda: children_of(template))
    time.sleep(0.05)
    act(children_of(template)[0])
    thread.join(30)
    assert not thread.is_alive()
    assert template_of(own) == template
    return reasons[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_is_killed_fails_its_request_only(own_client: Client, number: int) -> None:
    assert refused_while(lambda child: os.kill(child, number), own_client) is Reason.PIXEL_CODEC_FAILED
    assert works()


def test_a_child_that_waits_forever_is_left(own_client: Client) -> None:
    own_client.limits = Limits(wall=1, wall_of_cpu=0)
    stopped = []

    def stop(child: int) -> None:
        os.kill(child, signal.SIGSTOP)
        stopped.append(child)

    assert refused_while(stop, own_client) is Reason.PIXEL_CODEC_FAILED
    # its own alarm ends it as soon as it runs
    os.kill(stopped[0], signal.SIGCONT)
    wait_for(lambda: not is_running(stopped[0]))
    assert works()


def test_a_codec_that_computes_too_long_is_ended(own_client: Client) -> None:
    assert works()
    own_client.limits = Limits(cpu=1, samples_of_second=1 << 40, bytes_of_second=1 << 40)
    begin = time.monotonic()
    huge = random_raster(4000, 4000, 1, 16)
    assert reason_of(lambda: encode(huge, CODING)) is Reason.PIXEL_CODEC_FAILED
    assert time.monotonic() - begin < 20
    wait_for(lambda: not children_of(template_of(own_client)))
    assert works()


def test_a_codec_that_takes_too_much_memory_fails(own_client: Client) -> None:
    assert works()
    own_client.limits = Limits(memory=8 << 20, memory_of_sample=0, memory_of_byte=0)
    for coding in (CODING, Coding(Family.HTJ2K), Coding(Family.JPEG_LS), Coding(Family.JPEG_LOSSLESS)):
        assert reason_of(lambda coding=coding: encode(LARGE, coding)) in (
            Reason.PIXEL_CODEC_FAILED,
            Reason.PIXEL_UNSUPPORTED_FORMAT,
        )
    assert works()


def test_a_template_that_died_is_replaced(own_client: Client) -> None:
    assert works()
    for _ in range(3):
        template = template_of(own_client)
        os.kill(template, signal.SIGKILL)
        assert works()
        assert template_of(own_client) != template


def test_a_template_that_can_not_start_fails_the_request(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_MAIN", "raise SystemExit")
    assert reason_of(works) is Reason.PIXEL_CODEC_FAILED
    monkeypatch.undo()


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert reason_of(works) is Reason.PIXEL_CODEC_MISSING


def test_requests_of_many_threads_go_on_at_once(own_client: Client) -> None:
    codings = [CODING, Coding(Family.HTJ2K), Coding(Family.JPEG_LS), Coding(Family.JPEG_LOSSLESS)]
    failures: list[object] = []

    def run(number: int) -> None:
        for turn in range(12):
            coding = codings[(number + turn) % 4]
            raster = random_raster(30 + number, 40 + turn, 1 + 2 * (turn % 2), 8 + number)
            if decode(encode(raster, coding), codestream_of(raster, coding)) != raster:
                failures.append((number, turn))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert not any(thread.is_alive() for thread in threads)
    wait_for(lambda: not children_of(template_of(own_client)))


def test_a_process_that_is_forked_off_has_a_template_of_its_own(own_client: Client) -> None:
    assert works()
    template = template_of(own_client)
    forked = os.fork()
    if not forked:
        with contextlib.suppress(BaseException):
            ok = own_client._template is None and works()
            ok = ok and template_of(own_client) != template
            own_client.stop()
            os._exit(0 if ok else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
    assert works()
    assert template_of(own_client) == template


_PARENT = """
import os, sys, threading, time
from anonymizer.codecs import Coding, client, encode
from anonymizer.codestreams import Family
from tests.unit.anonymizer.codecs.test_lossless_frames import random_raster
secret = open("/dev/zero"); os.set_inheritable(secret.fileno(), True)
encode(random_raster(16, 16, 1, 8), Coding(Family.JPEG_2000))
template = client._client._template._process.pid
# a process that lives on has no part of the template's socket
if not os.fork():
    os.close(0); os.close(1); time.sleep(30); os._exit(0)
large = random_raster(3000, 3000, 1, 16)
threading.Thread(target=encode, args=(large, Coding(Family.JPEG_2000)), daemon=True).start()
while not open(f"/proc/{template}/task/{template}/children").read(): time.sleep(0.01)
child = open(f"/proc/{template}/task/{template}/children").read().split()[0]
print(template, child, flush=True)
sys.stdin.read()
"""


def test_template_and_children_end_with_their_parent_and_inherit_nothing() -> None:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "SECRET": "unspeakable"}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        template, child = map(int, parent.stdout.readline().split())
        for process in (template, child):
            assert b"unspeakable" not in Path(f"/proc/{process}/environ").read_bytes()
            opened = {os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()}
            assert all(place == "/dev/null" or place.startswith("socket:") for place in opened)
        # they are set once the request is there
        wait_for(lambda: "Max address space         unlimited" not in Path(f"/proc/{child}/limits").read_text())
        assert "Max core file size        0 " in Path(f"/proc/{child}/limits").read_text()
        parent.kill()
        parent.wait()
        wait_for(lambda: not is_running(template) and not is_running(child))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        assert parent.stdin is not None and parent.stdout is not None
        parent.stdin.close()
        parent.stdout.close()


def test_answers_of_a_child_are_not_trusted() -> None:
    import socket

    from anonymizer.child_processes.messages import ProtocolError, receive

    for message in (
        b"\xff\xff\xff\xff",
        b"\x02\0\0\0[]",
        b"\x02\0\0\0{}",
        b"\x0f\0\0\0" + b'{"buffers":[9]}' + b"short",
        b"\x10\0\0\0" + b'{"buffers":[-1]}',
        b"\x12\0\0\0" + b'{"buffers":[1001]}',
        b"\x12\0\0\0" + b'{"buffers":[true]}',
    ):
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                theirs.sendall(message)
            with pytest.raises(ProtocolError):
                receive(ours, 1000)
    with pytest.raises(ValueError, match="length"):
        encode(Raster(2, 2, 1, 8, False, b"123"), CODING)
    assert DeidentificationError(Reason.PIXEL_CODEC_FAILED).tag == ""
