"""Beam's options behind those of a command, for its file systems."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..logs import silence_logs


def use_beam_options(beam_args: Sequence[str]) -> None:
    """Give Beam's file systems the options that stand behind those of the command that is run. Call it before Beam is imported.

    Raises:
        UsageError: an option that nobody knows.
    """
    # Beam logs even while it is imported
    silence_logs()

    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    from ..beam_args import check_beam_args

    own_flags = [flag for parameter in click.get_current_context().command.params for flag in parameter.opts]
    check_beam_args(beam_args, own_flags)
    FileSystems.set_options(PipelineOptions(list(beam_args)))
