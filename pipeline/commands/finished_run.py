"""Command line options that name a finished run and its inputs, for commands that find its objects again."""

from __future__ import annotations

from .grouped_help import add_options, options_of

_option = options_of("Run")

#: Add the options to a command: ``inputs``, ``audit``, ``key`` and ``scope``.
of_finished_run = add_options(
    (
        _option("--input", "inputs", multiple=True, metavar="PLACE", help="Input of the run, named as it was then; repeatable."),
        _option("--audit", metavar="FOLDER", required=True, help="Folder of the run's audit tables."),
        _option("--key", required=True, metavar="URI", help="Key of the run: file:PATH, env:NAME or gcp-secret:RESOURCE."),
        _option("--scope", default="", metavar="NAME", help="Scope of the run. Default: none."),
    )
)
