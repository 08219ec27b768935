"""While pydicom works for the engine it shows nothing, and the host's own warnings stay the host's, in all threads."""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom import misc
from pydicom.charset import convert_encodings, decode_bytes

from anonymizer import Anonymizer, DeidentificationError
from anonymizer.dicom.character_sets import decode_text, is_encodable
from anonymizer.dicom.quiet_pydicom import quiet_pydicom
from tests.support.keys import KEY
from tests.support.objects import Element, ct, part10

THREADS, ROUNDS = 16, 100


@pytest.fixture(autouse=True)
def switch_often() -> object:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def warn_of_a_value() -> None:
    """What pydicom does with a value that it objects to."""
    misc.warn_and_log("the value VALUETOKEN is none")


def beside(host: Callable[[], None]) -> None:
    """Threads that work in silence, while ``host`` does what it does."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with quiet_pydicom():
                warn_of_a_value()

    with ThreadPoolExecutor(THREADS) as pool:
        working = [pool.submit(work) for _ in range(THREADS)]
        try:
            host()
        finally:
            stop.set()
        for future in working:
            future.result()


def test_the_hosts_filters_are_what_they_were_when_threads_are_through() -> None:
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        mine = list(warnings.filters)

        def work(number: int) -> None:
            for _ in range(ROUNDS):
                with quiet_pydicom():
                    warn_of_a_value()

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(THREADS)))
        assert warnings.filters == mine
    assert warnings.filters == before


def test_the_host_sees_each_of_its_own_warnings_and_no_value(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")

    def host() -> None:
        for number in range(ROUNDS):
            warnings.warn(f"the host's own {number}", UserWarning, stacklevel=1)

    beside(host)
    messages = [str(warning.message) for warning in recwarn]
    assert [message for message in messages if "host" in message] == [f"the host's own {number}" for number in range(ROUNDS)]
    assert not [message for message in messages if "VALUETOKEN" in message]


def test_a_host_that_catches_warnings_itself_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    before = list(warnings.filters)
    seen: list[str] = []

    def host() -> None:
        for number in range(ROUNDS):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                warnings.warn(f"the host's own {number}", UserWarning, stacklevel=1)
            seen.extend(str(warning.message) for warning in caught)

    beside(host)
    assert seen == [f"the host's own {number}" for number in range(ROUNDS)]
    assert warnings.filters == before
    assert "VALUETOKEN" not in "".join(capfd.readouterr())


def test_a_host_that_makes_warnings_errors_gets_none_of_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        beside(lambda: None)
        with pytest.raises(UserWarning, match="VALUETOKEN"):
            warn_of_a_value()


def test_pydicoms_warnings_for_the_host_say_the_same_place_as_without_us() -> None:
    with quiet_pydicom():
        pass

    def pydicoms() -> None:
        misc.warn_and_log("a warning")
        misc.warn_and_log("another", DeprecationWarning, stacklevel=2)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pydicoms()
    assert [warning.category for warning in caught] == [UserWarning, DeprecationWarning]
    assert {warning.filename for warning in caught} == {__file__}
    # the second one where the function that warns was called
    assert caught[1].lineno == caught[0].lineno + 5
    assert misc.warnings.catch_warnings is warnings.catch_warnings


def test_nothing_is_logged_in_silence_and_all_of_it_outside(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("pydicom")
    with quiet_pydicom():
        with quiet_pydicom():
            logger.warning("VALUETOKEN")
        logger.warning("VALUETOKEN")
    logger.warning("the host's")
    assert [record.getMessage() for record in caplog.records] == ["the host's"]
    assert sum(getattr(known, "__module__", "") == "anonymizer.dicom.quiet_pydicom" for known in logger.filters) == 1


def test_pydicom_warns_in_one_place_only() -> None:
    # the engine's silence stands on it
    package = Path(pydicom.__file__).parent
    calls = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bwarnings\.(warn|warn_explicit|showwarning)\(", path.read_text(encoding="utf-8"))
    }
    assert calls == {"misc.py"}


def test_odd_texts_show_nothing_under_threads(recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture) -> None:
    warnings.simplefilter("always")
    anonymizer = Anonymizer(key=KEY)
    codes = [[Element(0x00080100, "SH", b"VALUETOKEN\xff" * 9), Element(0x00080102, "SH", "VALUETOKEN" * 9)]]
    odd = [
        Element(0x00080005, "CS", "\\ISO 2022 IR 87"),
        Element(0x00080020, "DA", "VALUETOKEN"),
        Element(0x00120064, "SQ", codes),
    ]
    blob = part10(ct(*odd))

    def work(_: int) -> None:
        anonymizer.anonymize(blob)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(200)))
    assert not [warning for warning in recwarn if "VALUETOKEN" in str(warning.message)]
    assert "VALUETOKEN" not in caplog.text


CHARACTER_SETS = (
    "",
    "ISO_IR 100",
    "ISO_IR 192",
    "\\ISO 2022 IR 87",
    "ISO 2022 IR 13\\ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "GB18030",
)
CHARACTER_SETS += ("ISO 2022 IR 100\\ISO 2022 IR 144", "\\ISO 2022 IR 58", "\\ISO 2022 IR 159\\ISO 2022 IR 87", "ISO_IR 13")


@pytest.mark.parametrize("charset", CHARACTER_SETS)
def test_text_is_what_pydicom_reads_where_it_has_no_objection(charset: str) -> None:
    encodings = convert_encodings(charset.split("\\"))
    pieces = [
        b"Ab ",
        b"\x1b$B;3ED",
        b"\x1b(B",
        b"\x1b$)C\xb1\xe8",
        b"\x1b-A\xe9",
        b"\x1b-L\xbb",
        b"\x1b(J",
        b"\x1b)I\xd4",
        b"\xe9",
        b"\xff",
    ]
    pieces += [b"\xc3\xa9", b"\x1b$(D0!", b"\x1b$)A\xb0\xa1", b"\x1b(I4", b"\x1b", b"\x1b[0m", "\ufffd".encode()]
    for value in [first + second + third for first in pieces for second in pieces for third in (b"", b"\x1b(B", b"\xb1z")]:
        if value.isascii() and b"\x1b" not in value:
            continue
        expected: str | None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                expected = decode_bytes(value, encodings, set())
        except (LookupError, ValueError, UserWarning):
            expected = None
        if expected is not None and ("\ufffd" in expected or (encodings[0] == "iso8859" and b"\x1b" not in value)):
            expected = None
        try:
            found: str | None = decode_text(value, charset)
        except DeidentificationError:
            found = None
        assert found == expected, value
        if found is not None:
            is_encodable(found, charset)
