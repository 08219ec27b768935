"""Options of Apache Beam on the command line of commands that only read and write files."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..logs import silence_logs

#: gives a command what stands behind its own options, as ``beam_args``
beam_arguments = click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")


def use_beam_options(beam_args: Sequence[str]) -> None:
    """Pass the current command's options of Beam to Beam's file systems. Call this before Beam is imported.

    Raises:
        UsageError: an option is unknown.
    """
    # Beam logs even while it is imported
    silence_logs()

    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    from ..beam_args import check_beam_args

    own_flags = [flag for parameter in click.get_current_context().command.params for flag in parameter.opts]
    check_beam_args(beam_args, own_flags)
    FileSystems.set_options(PipelineOptions(list(beam_args)))
