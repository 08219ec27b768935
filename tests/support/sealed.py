"""Files of the audit that a test changes, as if a run with the key had written them so: otherwise all is about the change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anonymizer import Key
from anonymizer.internals import Seal
from profiles import ConfidentialityProfile
from tests.support.keys import KEY_TEXT
from transforms import EngineConfig, seal_json

_VARIABLE = "DEID_TESTS_SEAL_KEY"


def reseal(path: Path, *seals: Seal, change: Callable[[dict[str, Any]], Any] | None = None) -> None:
    """Give a JSON file of the audit, changed or not, the codes that it should have.

    Args:
        change: changes its content, in place.
    """
    content = json.loads(path.read_text())
    if change is not None:
        change(content)
    path.write_text(json.dumps(seal_json(path.name, content, seals)))


def engine_config(monkeypatch: pytest.MonkeyPatch, key: str = KEY_TEXT) -> EngineConfig:
    """A configuration that finds its key in the environment."""
    monkeypatch.setenv(_VARIABLE, key)
    return EngineConfig(ConfidentialityProfile(), f"env:{_VARIABLE}", Key(key.encode()).key_id)
