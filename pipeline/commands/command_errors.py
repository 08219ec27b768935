"""Errors of a command: their messages, and its exit codes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import click

from ..events import reporter
from ..exit_codes import EXIT_FAILED, EXIT_TRANSIENT, EXIT_USAGE
from ..signals import Interrupted, interruption_code

if TYPE_CHECKING:
    from profiles import UserFacingError


def usage_error(message: str) -> NoReturn:
    """Report an option or argument that can't be used, and exit.

    Args:
        message: names the option; it must not contain a value, which may be an identifier.
    """
    if (transient := transient_cause(sys.exc_info()[1])) is not None:
        # the options are right; the place that one of them names has failed
        fail(transient)
    reporter.say("usage-error", f"Error: {message}", level="error", message=message, exit_code=EXIT_USAGE)
    sys.exit(EXIT_USAGE)


def fail(error: BaseException, where: str = "") -> NoReturn:
    """Report the failure of the command, and exit.

    Args:
        error: an error whose message is safe to show to users.
        where: the subject of the message, if it has none.
    """
    transient = transient_cause(error)
    message = f"{where} {error}".strip() if transient is None else str(transient)
    code = EXIT_FAILED if transient is None else EXIT_TRANSIENT
    reporter.say("run-failed", f"Failed: {message}", level="error", message=message, exit_code=code)
    sys.exit(code)


def transient_cause(error: BaseException | None) -> UserFacingError | None:
    """Return the first transient error among ``error`` and its contexts, or None."""
    while error is not None:
        if (user_facing := as_user_facing(error)) is not None and user_facing.is_transient:
            return user_facing
        error = error.__context__
    return None


def as_user_facing(error: BaseException) -> UserFacingError | None:
    """Return ``error`` if its message is safe to show to users, else None."""
    # looked up, not imported, so that help and usage errors stay fast: a module that isn't loaded has raised no error
    errors = sys.modules.get("profiles.errors")
    return error if errors is not None and isinstance(error, errors.UserFacingError) else None


def exit_code_of_error(error: BaseException | None) -> int:
    """Return the exit code of a command that ended with ``error``, None for success."""
    if error is None:
        return 0
    if isinstance(error, Interrupted):
        return interruption_code()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else EXIT_FAILED if error.code else 0
    if transient_cause(error) is not None:
        return EXIT_TRANSIENT
    user_facing = as_user_facing(error)
    return EXIT_USAGE if user_facing is not None and user_facing.is_usage else EXIT_FAILED


@contextlib.contextmanager
def errors_reported() -> Iterator[None]:
    """Report the errors of the block in the chosen log format, so that no traceback appears among events."""
    try:
        yield
    except click.ClickException as error:
        if not reporter.as_json:
            raise
        # click's message would quote the value, which may be a path
        if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter) and error.param is not None:
            usage_error(f"the value of {error.param.opts[0]} can't be used; see --help")
        usage_error(error.format_message())
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if (user_facing := as_user_facing(error)) is not None and user_facing.is_usage:
            usage_error(str(user_facing))
        if user_facing is not None or transient_cause(error) is not None:
            fail(error)
        if not reporter.as_json:
            raise
        message = f"an error of this program ({type(error).__name__}): run again with --log-format text to see the traceback"
        reporter.say("run-failed", None, level="error", message=message, exit_code=EXIT_FAILED)
        sys.exit(EXIT_FAILED)
