"""The planted archive of the pipeline's tests, for these too."""

from tests.pipeline.conftest import key_file, planted_archive, planted_run

__all__ = ["key_file", "planted_archive", "planted_run"]
