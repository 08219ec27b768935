"""What the summary tells to do next about what was refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anonymizer import Reason
from anonymizer.internals import FILTERED
from pipeline.advice import advice
from pipeline.cli import main

#: nobody need do anything about these
_SETTLED = FILTERED | {Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT}


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_sentence(reason: Reason) -> None:
    sentences = advice([reason.value])
    if reason in _SETTLED:
        assert sentences == []
        return
    first, names = sentences
    assert reason.value in first
    assert first.endswith(".")
    assert "dicom-deid quarantined --input" in names


def test_reasons_of_one_kind_share_a_sentence_that_names_only_those_that_are_there() -> None:
    first, second, names = advice(["truncated", "invalid-vr", "unreadable"])
    assert first.startswith("unreadable: ")
    assert second.startswith("truncated, invalid-vr: ")
    assert "stray-delimiter" not in second
    assert "quarantined" in names
    assert advice([]) == []


def test_a_reason_of_another_version_does_no_harm() -> None:
    assert len(advice(["from-the-future"])) == 1


def test_what_advice_tells_to_use_is_there() -> None:
    told = " ".join(advice(reason.value for reason in Reason))
    options = {flag for command in main.commands.values() for parameter in command.params for flag in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", told)) <= options
    assert set(re.findall(r"dicom-deid ([a-z]+)", told)) <= set(main.commands)
    for page in re.findall(r"docs/[\w/-]+\.md", told):
        assert (Path(__file__).resolve().parents[4] / page).exists()
