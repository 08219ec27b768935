"""What the environment says of storage."""

import os


def gcs_emulator() -> str:
    """URL of a local server in the place of Google Cloud Storage, as the client library takes it; empty for the real one."""
    return os.environ.get("STORAGE_EMULATOR_HOST", "")
