"""What may be said of a run that failed, and how the command ends then."""

from __future__ import annotations

import re

import grpc

from anonymizer import PatientTableError, SecretError
from storage import ManifestError, StorageDownError, StorageError, StorageUnavailableError
from transforms import CrosswalkError, EnvelopeError, GoneError, TableError, UidMapError

from .errors import RUN_AGAIN_HINT, RunAgainError, RunError

#: their messages name no object
_TELLING = (
    *(StorageUnavailableError, StorageError, ManifestError, SecretError, PatientTableError),
    *(CrosswalkError, EnvelopeError, GoneError, TableError),
)
_WRAPPED = re.compile(
    rf"\b({'|'.join(kind.__name__ for kind in (StorageDownError, *_TELLING))}): ([^\n]*?)(?: \[while running|\n|$)"
)
_UNAVAILABLE = (StorageDownError.__name__, StorageUnavailableError.__name__)
#: how Prism says that a worker is gone: at work, or before it got to it or could be heard
_LOST_WORKER = re.compile("SDK worker disconnected|worker stopped before (?:send|receive)")
#: how Beam says that an engine ended a job, with the engine's last message, which may be missing; a worker's own errors have
#: a traceback in it
_ENDED_BY_ENGINE = re.compile("Pipeline (?:[^ ]+ )?failed(?:[.]| in state )")


def explain(error: Exception) -> RunError:
    """What may be said of a failure: never its text, which may name objects, but for errors of our own."""
    text = str(error)
    if isinstance(error, UidMapError) or UidMapError.__name__ in text:
        return RunError(
            "the UID map doesn't hold, so nothing was written: a new UID is already in the archive, which may contain outputs of "
            "an earlier run with the same key; keep them apart, or use another --scope"
        )
    if isinstance(error, _TELLING):
        # Beam adds the step
        said = text.partition(" [while running")[0]
        return RunAgainError(said) if isinstance(error, StorageUnavailableError) else RunError(said)
    if (message := unavailable_in(text)) is not None:
        return RunAgainError(message)
    # Beam wraps what workers raise, with its type and text at the end of a traceback
    if found := _WRAPPED.search(text):
        return RunError(found.group(2))
    if isinstance(error, grpc.RpcError):
        return RunAgainError(f"the engine doesn't answer any more; {RUN_AGAIN_HINT}")
    if _LOST_WORKER.search(text):
        return RunAgainError(f"the engine lost a worker; {RUN_AGAIN_HINT}")
    if _ENDED_BY_ENGINE.match(text) and "Traceback" not in text:
        return RunAgainError(
            f"the engine ended the job, as it does when a worker dies; {RUN_AGAIN_HINT}, with --debug to see why"
        )
    return RunError(
        f"the job failed ({type(error).__name__}); run again with --debug to see why: Beam's messages may name objects"
    )


def unavailable_in(text: str) -> str | None:
    """The message of a StorageUnavailableError in what Beam says of a worker's error; None where there is none."""
    return next((found.group(2) for found in _WRAPPED.finditer(text) if found.group(1) in _UNAVAILABLE), None)
