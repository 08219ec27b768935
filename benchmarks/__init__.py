"""Measurements behind the README and the pages in docs/: each is one command, and prints what its page quotes."""
