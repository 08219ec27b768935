"""The subcommands, a module each, their options, what they print; the work is done in runs/ and surveys/."""
