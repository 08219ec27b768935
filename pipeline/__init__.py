"""The job: command line, options, composition, runs and their reports, workers; a step of it belongs to transforms/."""

__version__ = "0.2.0"
