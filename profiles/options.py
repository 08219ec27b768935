"""The options of PS3.15 Annex E by the names that users know."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from enum import Flag

from .errors import ProfileError


class ProfileOptions(Flag):
    """The Basic Application Confidentiality Profile and its options (PS3.15 Table E.1-1, the columns).

    Members combine with ``|``. The Basic Profile is always part of a profile, named or not.
    """

    BasicProfile = 1
    RetainSafePrivate = 2
    RetainUIDs = 4
    RetainDeviceIdent = 8
    RetainInstitutionIdent = 16
    RetainPatientChars = 32
    RetainLongFullDates = 64
    RetainLongModifDates = 128
    CleanDesc = 256
    CleanStructdCont = 512
    CleanGraph = 1024

    @classmethod
    def parse(cls, text: str) -> ProfileOptions:
        """The options named in ``text``, separated by commas: short names, or the standard's long ones, in any case.

        Raises:
            ProfileError: a name that isn't an option; the message suggests the nearest one.
        """
        options = cls.BasicProfile
        for name in filter(None, (part.strip() for part in text.split(","))):
            found = _BY_NAME.get(_normal(name))
            if found is None:
                nearest = difflib.get_close_matches(_normal(name), _BY_NAME, n=1, cutoff=0.5)
                hint = f"; did you mean {_BY_NAME[nearest[0]].name}?" if nearest else ""
                raise ProfileError(f"unknown option {name!r}{hint}")
            options |= found
        return options

    @classmethod
    def collect(cls, options: ProfileOptions | str | Iterable[ProfileOptions | str] | None) -> ProfileOptions:
        """One Flag from a Flag, names, or several of either.

        Raises:
            ProfileError: what is no option.
        """
        if isinstance(options, str):
            return cls.parse(options)
        collected = cls.BasicProfile
        if options is None:
            return collected
        if isinstance(options, ProfileOptions):
            return collected | options
        if not isinstance(options, Iterable):
            raise ProfileError("options: a ProfileOptions, or the names of some")
        for option in options:
            collected |= cls.collect(option)
        return collected

    def names(self) -> list[str]:
        """The members' names, in the order of the standard's columns."""
        return [str(option.name) for option in ProfileOptions if option in self]


_LONG_NAMES = {
    "Basic": ProfileOptions.BasicProfile,
    "Basic Application Confidentiality Profile": ProfileOptions.BasicProfile,
    "Basic Application Level Confidentiality Profile": ProfileOptions.BasicProfile,
    "Retain Safe Private": ProfileOptions.RetainSafePrivate,
    "Retain UIDs": ProfileOptions.RetainUIDs,
    "Retain Device Identity": ProfileOptions.RetainDeviceIdent,
    "Retain Institution Identity": ProfileOptions.RetainInstitutionIdent,
    "Retain Patient Characteristics": ProfileOptions.RetainPatientChars,
    "Retain Longitudinal Temporal Information Full Dates": ProfileOptions.RetainLongFullDates,
    "Retain Longitudinal Temporal Information with Full Dates": ProfileOptions.RetainLongFullDates,
    "Retain Longitudinal Full Dates": ProfileOptions.RetainLongFullDates,
    "Retain Longitudinal Temporal Information Modified Dates": ProfileOptions.RetainLongModifDates,
    "Retain Longitudinal Temporal Information with Modified Dates": ProfileOptions.RetainLongModifDates,
    "Retain Longitudinal Modified Dates": ProfileOptions.RetainLongModifDates,
    "Clean Descriptors": ProfileOptions.CleanDesc,
    "Clean Structured Content": ProfileOptions.CleanStructdCont,
    "Clean Graphics": ProfileOptions.CleanGraph,
}


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("option")


_SHORT_NAMES = {str(option.name): option for option in ProfileOptions}
_BY_NAME = {_normal(name): option for name, option in (_LONG_NAMES | _SHORT_NAMES).items()}


def check_options(options: ProfileOptions) -> ProfileOptions:
    """``options`` with the Basic Profile in it, once they are known to be free of contradictions.

    Raises:
        ProfileError: full and modified dates together (PS3.15 E.3.6).
    """
    both_dates = ProfileOptions.RetainLongFullDates | ProfileOptions.RetainLongModifDates
    if both_dates in options:
        raise ProfileError("RetainLongFullDates and RetainLongModifDates exclude each other (PS3.15 E.3.6)")
    return options | ProfileOptions.BasicProfile
