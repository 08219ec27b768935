"""The error that ends a run: of all that Beam tells, nothing is shown but the messages of user-facing errors."""

import traceback

import apache_beam as beam
import pytest

from anonymizer import PatientTableError, SecretError
from pipeline.errors import RunAgainError, RunError
from pipeline.failures import explain, transient_message_in
from profiles import ProfileError, UserFacingError
from storage import ManifestError, StorageError, StorageUnavailableError, cannot_write
from transforms import CrosswalkError, EnvelopeError, GoneError, SealError, TableError, UidMapError

LASTING = (
    *(StorageError, ManifestError, SecretError, PatientTableError, ProfileError),
    *(CrosswalkError, EnvelopeError, GoneError, SealError, TableError, UidMapError),
)


def text_of(error: Exception) -> str:
    """Return a worker's error as an engine hands it on: its traceback as text, within more of it."""
    try:
        raise error
    except Exception:
        return f"RuntimeError: bundle 7 failed:\n{traceback.format_exc()} [while running 'Step']\nDoe^Jane"


@pytest.mark.parametrize("kind", LASTING)
def test_messages_for_users_are_found_in_the_text_of_a_worker(kind: type[UserFacingError]) -> None:
    for error in (kind("a sentence: for users"), RuntimeError(text_of(kind("a sentence: for users")))):
        ended = explain(error)
        assert type(ended) is RunError and str(ended) == "a sentence: for users"


@pytest.mark.parametrize("error", [StorageUnavailableError("wait a while"), cannot_write(OSError(28, "x"))])
def test_transient_ones_are_told_from_others_wherever_they_stand(error: Exception) -> None:
    later = RuntimeError(text_of(StorageError("can't be read")) + text_of(error))
    for one in (error, RuntimeError(text_of(error)), later):
        ended = explain(one)
        assert type(ended) is RunAgainError and str(ended) == str(error)
    assert transient_message_in(text_of(StorageError("can't be read"))) is None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Doe^Jane"),
        RuntimeError(text_of(ValueError("Doe^Jane"))),
        RuntimeError("x.OtherError: Doe^Jane"),
        KeyError("Doe"),
    ],
)
def test_no_other_text_is_shown(error: Exception) -> None:
    assert "Doe" not in str(explain(error))


def _fail(element: int) -> int:
    raise TableError("a table was changed since")


def test_beam_hands_them_on() -> None:
    with pytest.raises(TableError) as failure, beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(_fail)
    assert str(explain(failure.value)) == "a table was changed since"


class _NewError(UserFacingError):
    is_transient = True


def test_a_new_kind_needs_no_list() -> None:
    assert type(explain(RuntimeError(text_of(_NewError("a new sentence"))))) is RunAgainError
