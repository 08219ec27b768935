"""The job: options, composition, command line, storage, run report."""

__version__ = "0.1.0"
