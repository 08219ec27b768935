"""``dicom-deid key``: make the secret on which everything depends."""

from __future__ import annotations

import re
import sys

import click

from ..exit_codes import EXIT_FAILED
from .command_errors import usage_error
from .grouped_help import GroupedCommand

#: how keys are named elsewhere, and places that are no files
_NO_PATH = re.compile(r"(file|env|gcp-secret):.*|[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)
_ADVICE = (
    "Keep a copy where nobody has the data, and give it to nobody who does: who has the key can find out who is who, and without "
    "it nobody can go on with an output."
)


@click.group("key")
def key_commands() -> None:
    """Make the key on which pseudonyms, UIDs and dates depend."""


@key_commands.command(cls=GroupedCommand, example="dicom-deid key new secret.key")
@click.argument("file", metavar="FILE")
def new(file: str) -> None:
    """Write a new random key into a new FILE.

    32 random bytes as 64 hex digits, for you alone (0600), and used as --key file:FILE. A FILE that is there is left alone.

    Exit codes: 0 written; 2 usage; 1 failed.
    """
    from anonymizer import Key, SecretError, create_key_file

    if file in ("", "-") or _NO_PATH.fullmatch(file):
        usage_error("FILE is a path of this machine, without file: before it: a key is written to no other place")
    try:
        create_key_file(file)
        key_id = Key.load(f"file:{file}").key_id
    except FileExistsError:
        usage_error("FILE is there already, and a key is never overwritten: choose another name")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        usage_error("FILE's folder doesn't exist: make it first")
    except SecretError as error:
        click.echo(f"Failed: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except OSError as error:
        click.echo(f"Failed: the key can't be written: {error.strerror}", err=True)
        sys.exit(EXIT_FAILED)
    except ValueError:
        usage_error("FILE is no name that a file can have")
    click.echo(f"Key id: {key_id}")
    click.echo(_ADVICE)
