"""``dicom-deid file``: de-identification of one file, or of standard input."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO

import click

from ..exit_codes import EXIT_FAILED, EXIT_QUARANTINED, EXIT_TRANSIENT
from ..signals import set_interruption_message
from ..undecided_lines import undecided_lines
from .command_errors import usage_error
from .grouped_help import GroupedCommand
from .profile_options import with_engine, with_profile

if TYPE_CHECKING:
    from anonymizer import DeidentificationError
    from profiles import ConfidentialityProfile

    from ..options import EngineOptions

#: argument that means standard input or output
_STANDARD = "-"


@click.command(cls=GroupedCommand, example="dicom-deid file original.dcm released.dcm --key file:secret.key")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="[OUT]", required=False)
@click.option("--in-place", is_flag=True, help="Replace IN itself, once the new file is complete on disk. Give no OUT.")
@with_profile
@with_engine
def file(
    source: str,
    target: str | None,
    in_place: bool,
    profile: ConfidentialityProfile,
    engine: EngineOptions,
) -> None:
    """De-identify one file. OUT appears only when it is complete.

    Give - as IN for standard input, and - as OUT for standard output.

    Exit codes: 0 written; 3 quarantined or left out, nothing written; 2 the command line is wrong; 4 a disk is full or fails;
    1 failed.
    """
    from anonymizer import Anonymizer, DeidentificationError
    from anonymizer.internals import UNWRITABLE_PLACE

    if in_place:
        _check_in_place(source, target)
    elif target is None:
        usage_error("OUT is missing: give a file, - for standard output, or --in-place")
    else:
        _check(source, target)
    if (reviewed := profile.pixels.rectangles) is not None and reviewed.undecided:
        click.echo(f"Warning: {undecided_lines(reviewed.undecided)}", err=True)
    if not engine.key:
        click.echo("No --key was given: nobody can repeat the pseudonyms, UIDs and dates of this file.", err=True)
    anonymizer = Anonymizer(
        profile, engine.key or None, scope=engine.scope, uid_root=engine.uid_root, patients=engine.patient_table
    )
    try:
        if in_place or target is None:
            anonymizer.anonymize_in_place(source)
            return
        if target == _STANDARD:
            set_interruption_message(
                "Interrupted: the object on standard output may be incomplete; start the same command again."
            )
        with _stream(sys.stdin, source, "rb") as given, _stream(sys.stdout, target, "wb") as taken:
            anonymizer.anonymize_file(given, taken)
    except DeidentificationError as error:
        _show(error)
        sys.exit(EXIT_QUARANTINED)
    except BrokenPipeError:
        click.echo("Failed: standard output was closed before the whole object was written", err=True)
        sys.exit(EXIT_FAILED)
    except OSError as error:
        click.echo(f"Failed: {error.strerror}", err=True)
        sys.exit(EXIT_TRANSIENT if error.errno in UNWRITABLE_PLACE else EXIT_FAILED)


# file names may be identifiers: messages don't repeat them


def _check(source: str, target: str) -> None:
    """Refuse an IN that can't be read, and an OUT that can't be written or is IN."""
    _check_source(source)
    if target == _STANDARD:
        if sys.stdout is None:
            usage_error("OUT is standard output, which is closed: send it to a file, or into a pipe")
        if sys.stdout.isatty():
            usage_error("OUT is a terminal, which can't show an object: send it to a file, or into a pipe")
    elif (Path(target).exists() and not Path(target).is_file()) or not Path(target).parent.is_dir():
        usage_error("OUT is not a file that can be replaced, or its folder doesn't exist")
    if _is_same(_status(source, sys.stdin), _status(target, sys.stdout)):
        usage_error("IN and OUT are the same file: to replace the original, use --in-place")


def _check_source(source: str) -> None:
    if source != _STANDARD:
        if not Path(source).is_file():
            usage_error("IN is not a file")
    elif sys.stdin is None:
        usage_error("IN is standard input, which is closed: give the object through a pipe, or from a file")
    elif sys.stdin.isatty():
        usage_error("IN is a terminal: give the object through a pipe, or from a file")


def _check_in_place(source: str, target: str | None) -> None:
    """Refuse an IN that is no file, or an OUT that is another one."""
    if _STANDARD in (source, target):
        usage_error("--in-place needs a file: standard input and output can't be replaced")
    _check_source(source)
    status = _status(source)
    if target is not None:
        if not _is_same(status, _status(target)):
            usage_error("--in-place writes to IN: omit OUT")
        if os.path.realpath(source) != os.path.realpath(target):
            usage_error("OUT is another name (hard link) of IN, which would keep the original: omit OUT")
    if status is not None and status.st_nlink > 1:
        click.echo("Warning: IN has other names (hard links), which keep the original.", err=True)


def _status(name: str, standard: TextIO | None = None) -> os.stat_result | None:
    """Return the status of a file, or of the ``standard`` stream if ``name`` is ``-``; None if there is none."""
    try:
        if name != _STANDARD:
            return os.stat(name)
        return os.fstat(standard.fileno()) if standard is not None else None
    except OSError:
        return None


def _is_same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Return whether both are the same regular file. A device, such as a terminal, may be both IN and OUT."""
    return one is not None and other is not None and stat.S_ISREG(one.st_mode) and os.path.samestat(one, other)


def _stream(standard: TextIO, name: str, mode: Literal["rb", "wb"]) -> AbstractContextManager[str | BinaryIO]:
    """Return the name itself, or for ``-`` the standard stream without a buffer, so that a failed write raises at once."""
    if name != _STANDARD:
        return nullcontext(name)
    # another program may have left the stream in non-blocking mode
    os.set_blocking(standard.fileno(), True)
    return open(standard.fileno(), mode, buffering=0, closefd=False)


def _show(error: DeidentificationError) -> None:
    from anonymizer import Reason
    from anonymizer.internals import FILTERED

    from ..advice import advice_on

    if error.reason in FILTERED:
        # as in a run: there is nothing to do about it
        click.echo(f"Left out, nothing written: {error}", err=True)
        return
    click.echo(f"Quarantined, nothing written: {error}", err=True)
    if error.pixel_risks[:1] == (error.reason,):
        flag = "--faces" if error.reason is Reason.PIXEL_RISK_FACE else "--pixels"
        click.echo(f"Its pixels may identify a person: look at them, then give {flag} keep to let the object pass.", err=True)
    elif error.pixel_risks:
        # they were to be cleaned, and can't be
        click.echo(advice_on(error.reason), err=True)
