"""Errors of a command: how they are reported, and the exit codes that they lead to."""

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
        message: names the option, and no value that may be an identifier.
    """
    if (transient := transient_cause(sys.exc_info()[1])) is not None:
        # no option is wrong
        fail(transient)
    reporter.say("usage-error", f"Error: {message}", level="error", message=message, exit_code=EXIT_USAGE)
    sys.exit(EXIT_USAGE)


def fail(error: BaseException, where: str = "") -> NoReturn:
    """Report the failure of the command, and exit.

    Args:
        error: one whose message users may read.
        where: the place that the message is about, if it doesn't say so itself.
    """
    transient = transient_cause(error)
    message = f"{where} {error}".strip() if transient is None else str(transient)
    code = EXIT_FAILED if transient is None else EXIT_TRANSIENT
    reporter.say("run-failed", f"Failed: {message}", level="error", message=message, exit_code=code)
    sys.exit(code)


def transient_cause(error: BaseException | None) -> UserFacingError | None:
    """Return the transient error that ``error`` is or was raised for; None where there is none."""
    while error is not None:
        if (user_facing := as_user_facing(error)) is not None and user_facing.is_transient:
            return user_facing
        error = error.__context__
    return None


def as_user_facing(error: BaseException) -> UserFacingError | None:
    """Return ``error`` where its message is for users, else None."""
    # unless something has imported the module, it has raised none of its errors; help and mistakes are shown without it
    errors = sys.modules.get("profiles.errors")
    return error if errors is not None and isinstance(error, errors.UserFacingError) else None


def exit_code_of_error(error: BaseException | None) -> int:
    """Return the exit code of a command that ``error`` ends; None: it ended by itself."""
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
    """Report the errors of a block in the chosen log format: no traceback stands among events."""
    try:
        yield
    except click.ClickException as error:
        if not reporter.as_json:
            raise
        # what was given in place of a value may be a path
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
        message = f"an error of this program ({type(error).__name__}): run again with --log-format text to see where"
        reporter.say("run-failed", None, level="error", message=message, exit_code=EXIT_FAILED)
        sys.exit(EXIT_FAILED)
