"""The entry point of the Flex Template's launcher: ``dicom-deid run --detach`` with the template's parameters."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pipeline.cli import main
from pipeline.commands.profile_options import usage_error


def to_command_line(arguments: Sequence[str], command: click.Command) -> list[str]:
    """Return the launcher's arguments in the words of ``command``; those that aren't its own options are Beam's, and stay.

    Templates name parameters with underscores, as Beam does, and give each a value: ``--uid_root=1.2.3``, ``--strict=true``.

    Raises:
        ValueError: a flag that is neither true nor false; the message names it.
    """
    own = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    translated = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name = name.replace("_", "-")
        if name not in own:
            translated.append(argument)
        elif not own[name].is_flag:
            translated.append(name + equals + value)
        elif not equals or value.lower() == "true":
            translated.append(name)
        elif value.lower() != "false":
            raise ValueError(f"{name} is true or false")
    return translated


if __name__ == "__main__":
    try:
        words = to_command_line(sys.argv[1:], main.commands["run"])
    except ValueError as error:
        usage_error(str(error))
    # --detach: the launcher hands on a job only when this process ended, and to wait for the job would be to wait for ever
    main(["run", "--detach", *words], prog_name="dicom-deid")
