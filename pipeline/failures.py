"""Translation of Beam's exceptions into the errors that end a run."""

from __future__ import annotations

import re

import grpc

from profiles import UserFacingError

from .errors import RUN_AGAIN_HINT, RunAgainError, RunError

#: in Prism's messages about a worker that died
_LOST_WORKER = re.compile("SDK worker disconnected|worker stopped before (?:send|receive)")
#: at the beginning of Beam's message that an engine ended a job. The engine's last message follows, or nothing; a worker's own
#: error follows with its traceback
_ENDED_BY_ENGINE = re.compile("Pipeline (?:[^ ]+ )?failed(?:[.]| in state )")


def as_run_error(error: Exception) -> RunError:
    """Return the error that ends a run whose job failed with ``error``.

    Beam's text may name objects. Only the messages of user-facing errors are taken from it.
    """
    text = str(error)
    if (message := transient_message_in(text)) is not None:
        return RunAgainError(message)
    if isinstance(error, UserFacingError):
        # Beam appends the name of the step
        message = text.partition(" [while running")[0]
        return RunAgainError(message) if error.is_transient else RunError(message)
    if found := UserFacingError.found_in(text):
        return RunError(found[0][1])
    if isinstance(error, grpc.RpcError):
        return RunAgainError(f"the engine stopped answering; {RUN_AGAIN_HINT}")
    if _LOST_WORKER.search(text):
        return RunAgainError(f"the engine lost a worker; {RUN_AGAIN_HINT}")
    if _ENDED_BY_ENGINE.match(text) and "Traceback" not in text:
        return RunAgainError(
            f"the engine ended the job, as it does when a worker dies; {RUN_AGAIN_HINT}, with --debug to see the cause"
        )
    return RunError(
        f"the job failed ({type(error).__name__}); run again with --debug to see the cause: Beam's messages may name objects"
    )


def transient_message_in(text: str) -> str | None:
    """Return the message of the transient error that Beam's text contains, or None."""
    return next((message for kind, message in UserFacingError.found_in(text) if kind.is_transient), None)
