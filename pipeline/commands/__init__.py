"""Subcommands, one module each, with their options and output. The work is done in ``runs`` and ``surveys``."""
