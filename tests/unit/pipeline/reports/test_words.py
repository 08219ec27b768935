"""Each code that a report may meet has words."""

from __future__ import annotations

from anonymizer import Note, Reason
from pipeline.reports import words
from profiles import Action, ProfileOptions
from transforms import Status


def test_each_reason_note_action_and_option_has_words() -> None:
    assert set(words.REASONS) == {reason.value for reason in Reason}
    assert set(words.NOTES) == {note.value for note in Note}
    assert set(words.OPTIONS) == {*ProfileOptions.__members__}
    assert set(words.STATUSES) == {status.value for status in Status} - {"written", "skipped"}
    assert {action.value for action in Action if len(action.value) == 1} <= set(words.ACTIONS)
