"""``dicom-deid census``: the distinct values that stay, the rarest first, as a file that a reviewer completes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from ..safe_csv import HELP, write_csv
from .beam_options import beam_arguments, use_beam_options
from .grouped_help import GroupedCommand, options_of
from .private_keys import load_private_keys, private_key_options
from .storage_options import with_storage
from .terminal import print_table, visible

if TYPE_CHECKING:
    from storage import StorageOptions

    from ..runs.census import Census

_census_option = options_of("Census")
_result_option = options_of("Result")
#: characters of a value in the table; CSV has all of it
_SHOWN = 60
_TITLES = ("patients", "instances", "attribute", "keyword", "value", "before")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid census --census restricted --key file:secret.key --csv > to-review.csv",
)
@_census_option("--census", "folder", required=True, metavar="FOLDER", help="Folder of the census, as --census of the run.")
@_census_option("--key", required=True, metavar="URI", help="Key of the run: file:PATH, env:NAME or gcp-secret:RESOURCE.")
@_census_option("--scope", default="", metavar="NAME", help="Scope of the run. Default: none.")
@_census_option("--run", "run_id", metavar="RUN", help="Id of the run. Default: the last one with a census in FOLDER.")
@private_key_options(_census_option, "the census")
@_result_option("--csv", "as_csv", is_flag=True, help=f"Print CSV with columns for verdicts instead of a table. {HELP}")
@_result_option(
    "--most",
    type=click.IntRange(1, 1_000_000),
    default=1_000_000,
    show_default=True,
    metavar="NUMBER",
    help="Print so many values at most, the rarest.",
)
@with_storage
@beam_arguments
def census(
    folder: str,
    key: str,
    scope: str,
    run_id: str | None,
    key_files: tuple[str, ...],
    passphrase_from: str | None,
    as_csv: bool,
    most: int,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """Print the distinct values that stay, the rarest first.

    They come from a run with --census: of each kept text, code and private attribute its values, with numbers of patients and
    instances; of cleaned texts what they were before. The values may name people: keep the list where the archive is. Complete
    the columns verdict and reviewer of the CSV, and give it to the next run as --verdicts.

    Exit codes: 0 printed; 2 the command line is wrong; 1 failed; 4 failed for a transient reason.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from anonymizer.internals import Seal, ValueHashes
    from storage import Folder

    from ..errors import UsageError
    from ..runs.census import CensusFolder

    keys = load_private_keys(key_files, passphrase_from)
    run_key = Key.load(key, scope)
    found = CensusFolder(Folder(folder, storage()), [Seal(run_key)])
    if found.encrypted and not keys:
        raise UsageError("--private-key is needed: the census is encrypted")
    if run_id is not None and run_id not in found.run_ids:
        raise UsageError("--run: that run has no census in the folder")
    result = found.read(run_id or found.run_ids[-1], keys, most)
    if as_csv:
        _print_csv(result, ValueHashes(run_key).with_code)
    else:
        _print_table(result)
    click.echo(_summary(result), err=True)


def _print_csv(result: Census, with_code: Callable[[bytes], bytes]) -> None:
    from profiles import CENSUS_COLUMNS

    # newlines in values must not be translated
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]

    def rows() -> Iterator[list[Any]]:
        for line in result.lines:
            cells = {**line._asdict(), "patients": _patients(line.patients, line.patients_exact), "verdict": "", "reviewer": ""}
            cells["value_hash"] = with_code(bytes.fromhex(line.value_hash)).hex()
            yield [cells[column] for column in CENSUS_COLUMNS]

    write_csv(sys.stdout, chain([CENSUS_COLUMNS], rows()), quoted=True)


def _print_table(result: Census) -> None:
    rows = [
        (
            _patients(line.patients, line.patients_exact),
            str(line.instances),
            visible(line.attribute),
            line.keyword,
            _cut(line.value),
            "" if line.before is None else _cut(line.before),
        )
        for line in result.lines
    ]
    print_table(_TITLES, rows)


def _cut(text: str) -> str:
    return visible(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _patients(number: int, is_exact: bool) -> str:
    return str(number) if is_exact else f"about {number}"


def _summary(result: Census) -> str:
    patients = _patients(result.patients, result.patients_exact)
    left = f", of which the {len(result.lines)} rarest are printed" if len(result.lines) < result.values else ""
    return f"{result.values} distinct values in {result.objects} objects of {patients} patients{left}. Run: {result.run_id}"
