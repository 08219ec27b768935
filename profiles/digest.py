"""The digest of a profile: everything that it decides, in 64 hex digits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from .decisions import ExplainedAttribute
from .options import ProfileOptions
from .settings import Policy
from .tables import EDITION, unlisted


class DecidingPolicy(Policy, Protocol):
    """A profile, as far as its digest needs it."""

    @property
    def options(self) -> ProfileOptions: ...
    def explain(self) -> Iterator[ExplainedAttribute]: ...


def profile_digest(profile: DecidingPolicy) -> str:
    """Return the SHA-256 of everything that ``profile`` decides, in hex digits."""
    settings = (
        EDITION,
        profile.patient_name,
        profile.patient_id,
        profile.options.names(),
        str(profile.date_shift),
        profile.cap_ages,
        profile.strict,
        profile.pixels.settings,
        profile.screen,
    )
    content = hashlib.sha256(repr((*settings, profile.safe_private)).encode())
    for rule in profile.custom:
        # a rule counts by what it does: not by the file that it is from, nor by how it was given
        content.update(repr((rule.pattern.text, rule.actions, rule.value, rule.allows_weakening)).encode())
    for row in profile.explain():
        # not by what decided it: rules may move to another file
        content.update(f"{row.tag};{row.keyword};{row.vr};{row.action};{row.meaning}\n".encode())
    for named in unlisted().values():
        content.update(b"%d;%b\n" % (named.tag, b"\\".join(sorted(named.terms))))
    return content.hexdigest()
