"""``dicom-deid key``: creation of the secret key."""

from __future__ import annotations

import re
import sys

import click

from ..exit_codes import EXIT_FAILED
from .command_errors import usage_error
from .grouped_help import GroupedCommand

#: ways to name a key in other commands, and URIs
_NO_PATH = re.compile(r"(file|env|gcp-secret):.*|[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)
_ADVICE = (
    "Keep a copy of the key, apart from the de-identified data, and give it to no recipient of the data: whoever has the key can "
    "re-identify patients. Without the key, nobody can continue an output."
)


@click.group("key")
def key_commands() -> None:
    """Create a secret key.

    Pseudonyms, UIDs and date shifts are derived from it.
    """


@key_commands.command(cls=GroupedCommand, example="dicom-deid key new secret.key")
@click.argument("file", metavar="FILE")
def new(file: str) -> None:
    """Write a new random key to a new FILE. Use it as --key file:FILE.

    The key is 32 random bytes, written as 64 hex digits. Only you may read FILE (mode 0600). An existing FILE is not overwritten.

    Exit codes: 0 written; 2 the command line is wrong; 1 failed.
    """
    from anonymizer import Key, SecretError, create_key_file

    if file in ("", "-") or _NO_PATH.fullmatch(file):
        usage_error("FILE must be a path on this machine, without file: in front: keys are written to no other place")
    try:
        create_key_file(file)
        key_id = Key.load(f"file:{file}").key_id
    except FileExistsError:
        usage_error("FILE exists, and a key is never overwritten: choose another name")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        usage_error("the folder of FILE doesn't exist: make it first")
    except SecretError as error:
        click.echo(f"Failed: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except OSError as error:
        click.echo(f"Failed: the key can't be written: {error.strerror}", err=True)
        sys.exit(EXIT_FAILED)
    except ValueError:
        usage_error("FILE is not a valid file name")
    click.echo(f"Key id: {key_id}")
    click.echo(_ADVICE)
