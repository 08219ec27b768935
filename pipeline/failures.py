"""The errors by which a run ends, from what Beam tells of a job that failed."""

from __future__ import annotations

import re

import grpc

from profiles import UserFacingError

from .errors import RUN_AGAIN_HINT, RunAgainError, RunError

#: Prism tells by it that a worker is gone: at work, or before it got to it or could be heard
_LOST_WORKER = re.compile("SDK worker disconnected|worker stopped before (?:send|receive)")
#: Beam tells by it that an engine ended a job, with the engine's last message, which may be missing; a worker's own errors have
#: a traceback in it
_ENDED_BY_ENGINE = re.compile("Pipeline (?:[^ ]+ )?failed(?:[.]| in state )")


def explain(error: Exception) -> RunError:
    """Return the error to end a run with for one that its job failed by.

    Nothing of its text is shown, which may name objects, but for the messages of user-facing errors.
    """
    text = str(error)
    if (message := transient_message_in(text)) is not None:
        return RunAgainError(message)
    if isinstance(error, UserFacingError):
        # Beam adds the step
        message = text.partition(" [while running")[0]
        return RunAgainError(message) if error.is_transient else RunError(message)
    if found := UserFacingError.found_in(text):
        return RunError(found[0][1])
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


def transient_message_in(text: str) -> str | None:
    """Return the message of the transient error that Beam's text tells of; None where it tells of none."""
    return next((message for kind, message in UserFacingError.found_in(text) if kind.is_transient), None)
