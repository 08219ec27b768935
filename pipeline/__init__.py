"""The job: options, composition, command line, storage, run report."""

__version__ = "0.2.0"
