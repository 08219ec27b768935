"""Measurements behind the pages in docs/: each script is one command, and prints what its page quotes."""
