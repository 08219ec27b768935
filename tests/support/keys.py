"""Keys of the tests: strong ones, in files that nobody else may read."""

from __future__ import annotations

import hashlib
from pathlib import Path

#: as the command makes them: hex
KEY_TEXT = hashlib.sha256(b"a key of the tests").hexdigest()
OTHER_KEY_TEXT = hashlib.sha256(b"another key of the tests").hexdigest()
KEY, OTHER_KEY = KEY_TEXT.encode(), OTHER_KEY_TEXT.encode()


def write_key(path: Path, content: bytes | str = KEY) -> Path:
    """A file with a key, for its owner alone."""
    path.touch(0o600)
    path.chmod(0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
