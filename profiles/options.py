"""The options of PS3.15 Annex E by the names that users know."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from enum import Flag
from typing import ClassVar

from .errors import ProfileError


class ProfileOptions(Flag):
    """The Basic Application Confidentiality Profile and its options (PS3.15 Table E.1-1, the columns, and E.3.1).

    Members combine with ``|``. The Basic Profile is always part of a profile, named or not.

    Attributes:
        CleanPixelData: no column of the table: it changes no attribute's action, but what is done with pixels (PS3.15 E.3.1).
        All: the union of all members: every column of the table, and CleanPixelData. It is no choice for a profile, which
            refuses it: full and modified dates exclude each other. ``All & ~RetainLongModifDates`` is all that can be retained
            and cleaned with dates as they are, ``All & ~RetainLongFullDates`` the same with dates that move.
    """

    All: ClassVar[ProfileOptions]

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
    CleanPixelData = 2048

    @classmethod
    def parse(cls, text: str) -> ProfileOptions:
        """Return the options named in ``text``, separated by commas: short names, or the standard's long ones, in any case.

        Raises:
            ProfileError: a name that isn't an option; the message suggests the nearest one.
        """
        options = cls.BasicProfile
        for name in filter(None, (part.strip() for part in text.split(","))):
            found = cls.All if _normal(name) == "all" else _BY_NAME.get(_normal(name))
            if found is None:
                nearest = difflib.get_close_matches(_normal(name), _BY_NAME, n=1, cutoff=0.5)
                hint = f"; did you mean {_BY_NAME[nearest[0]].name}?" if nearest else ""
                raise ProfileError(f"unknown option {name!r}{hint}")
            options |= found
        return options

    @classmethod
    def collect(cls, options: OptionNames) -> ProfileOptions:
        """Return one Flag from a Flag, names, or several of either.

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
        """Return the members' names, in the order of the standard's columns, CleanPixelData last."""
        return [str(option.name) for option in ProfileOptions if option in self]


#: a Flag, names separated by commas, or several of either; None: no option
OptionNames = ProfileOptions | str | Iterable[ProfileOptions | str] | None

# not in the class: Python 3.10 would count it as a member, and each member is an option
ProfileOptions.All = ~ProfileOptions(0)

#: the profile and the options that are columns of Table E.1-1, in its order
TABLE_OPTIONS = tuple(option for option in ProfileOptions if option is not ProfileOptions.CleanPixelData)

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
    "Clean Pixel Data": ProfileOptions.CleanPixelData,
}


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("option")


_SHORT_NAMES = {str(option.name): option for option in ProfileOptions}
_BY_NAME = {_normal(name): option for name, option in (_LONG_NAMES | _SHORT_NAMES).items()}


def check_options(options: ProfileOptions) -> ProfileOptions:
    """Return ``options`` with the Basic Profile in it. Check that they don't contradict each other.

    Raises:
        ProfileError: full and modified dates together (PS3.15 E.3.6).
    """
    both_dates = ProfileOptions.RetainLongFullDates | ProfileOptions.RetainLongModifDates
    if both_dates in options:
        hint = "; All has both: take All & ~RetainLongFullDates, or name the options" if options == ProfileOptions.All else ""
        raise ProfileError(f"RetainLongFullDates and RetainLongModifDates exclude each other (PS3.15 E.3.6){hint}")
    return options | ProfileOptions.BasicProfile
