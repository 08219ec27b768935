"""``dicom-deid estimate``: operations, bytes and cost of a run on object storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .command_errors import usage_error
from .grouped_help import GroupedCommand, add_options, options_of
from .profile_options import with_profile
from .storage_options import with_storage

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

    from ..surveys.estimate import Estimate, Listing, Prices, Sample

_MILLION, _BILLION = 10**6, 10**9
_input_option = options_of("Input")
_price = options_of("Prices")
_PRICES = (
    _price("--price-writes", type=click.FloatRange(0), metavar="PRICE", help="Price of 1,000 writes or pages of a listing."),
    _price("--price-reads", type=click.FloatRange(0), metavar="PRICE", help="Price of 1,000 reads."),
    _price(
        "--price-gib-read",
        type=click.FloatRange(0),
        metavar="PRICE",
        help="Price of reading a GiB: retrieval, or transfer out of a region.",
    ),
    _price("--price-gib-month", type=click.FloatRange(0), metavar="PRICE", help="Price of storing a GiB of output for a month."),
)


@click.command(
    cls=GroupedCommand,
    example="dicom-deid estimate --input gs://bucket/archive --price-writes 0.005 --price-reads 0.0004",
)
@_input_option(
    "--input", "inputs", multiple=True, required=True, metavar="PLACE", help="Folder, prefix, file, glob or manifest; repeatable."
)
@_input_option("--sample", type=click.IntRange(1), default=200, show_default=True, help="Number of objects to read as a sample.")
@with_profile
@add_options(_PRICES)
@with_storage
def estimate(
    inputs: tuple[str, ...],
    sample: int,
    profile: ConfidentialityProfile,
    price_writes: float | None,
    price_reads: float | None,
    price_gib_read: float | None,
    price_gib_month: float | None,
    storage: Callable[[], StorageOptions],
) -> None:
    """Estimate a run's operations, bytes and cost.

    The numbers are for object storage, and come from a listing and a sample of the objects. Nothing is written. Costs are
    computed for the prices that you give, in any currency. Prices differ by store, storage class and region.
    """
    from anonymizer import Key
    from anonymizer.internals import Engine
    from storage import ManifestError, StorageError, StoredArchive

    from ..surveys.estimate import Prices, examine, survey
    from ..surveys.estimate import estimate as extrapolate

    options = storage()
    archive = StoredArchive(options, options.threads)
    try:
        listing, drawn = survey(archive, inputs, sample)
        # no output leaves this process, so any key will do
        found = examine(archive, Engine(profile, Key.generate()), drawn)
    except (StorageError, ManifestError) as error:
        usage_error(f"--input: {error}")
    _show(listing, found, extrapolate(listing, found), Prices(price_writes, price_reads, price_gib_read, price_gib_month))


def _show(listing: Listing, sample: Sample, total: Estimate, prices: Prices) -> None:
    from rich.console import Console
    from rich.table import Table

    click.echo(f"{listing.objects} objects listed ({listing.containers} zips and tars), {listing.size / 1e9:.3f} GB")
    click.echo(f"{sample.instances} instances read from {sample.objects} of them as a sample; a run would write {sample.written}")
    if not total.instances:
        return
    table = Table("", "an instance", "this archive", "a million", "a billion")
    for column in table.columns[1:]:
        column.justify = "right"
    sizes = [1 / total.instances, 1, _MILLION / total.instances, _BILLION / total.instances]
    scaled = [total.times(factor) for factor in sizes]
    for label, field, unit, digits in (
        ("instances", "instances", 1, 0),
        ("pages listed", "lists", 1, 4),
        ("reads", "reads", 1, 3),
        ("writes", "writes", 1, 3),
        ("GB read", "bytes_read", 1e9, 6),
        ("GB written", "bytes_written", 1e9, 6),
    ):
        numbers = [getattr(each, field) / unit for each in scaled]
        table.add_row(label, *(f"{number:,.{digits if number < 100 else 0}f}" for number in numbers))
    costs = [each.costs(prices) for each in scaled]
    if costs[0]:
        table.add_section()
    for label in costs[0]:
        table.add_row(f"cost: {label}", *(f"{cost[label]:,.2f}" if cost[label] >= 1 else f"{cost[label]:.3g}" for cost in costs))
    Console(width=None).print(table)
    if not total.reads:
        click.echo("The inputs are not on object storage, so no operations were counted.")
