"""Spans of a line that are no clinical text, whatever their words are: addresses of machines, times, ages, postal codes."""

from __future__ import annotations

import re

from .tokens import ERASED
from .words import STRANGE

_UNITS_OF_AGE = (
    r"y/?o|y\.\s?o|yrs?|ys?|years?(?:\s?-?\s?olds?)?|m/?o|mos?|mths?|months?(?:\s?-?\s?olds?)?|wks?|weeks?(?:\s?-?\s?olds?)?|d/o|days?(?:\s?-?\s?olds?)?|w"
    r"|j|jahre?n?|jahrige?[rsn]?|jaehrige?[rsn]?|monate?n?|wochen?|tage?n?|ans?|mois|semaines?|jours?"
    r"|anos?|mes(?:es)?|semanas?|dias?|anni|anno|mes[ei]|settiman[ae]|giorn[io]|jaar|jarige|maand(?:en)?|weken|dagen|(?<=\s)a"
)
_HOURS = r"[ap]\.?\s?m\.?|uhr|o'?clock|hrs?|hours?|h(?:\s?\d\d)?|heures?|horas?|ore|uur"

#: with digits in them, of a line in small letters; none of these has words that could be parts of a name
_NUMBERS = re.compile(
    rf"(?<![\w.])\d{{1,3}}(?:[.,+/]\d{{1,2}})?\s?-?\s?(?:{_UNITS_OF_AGE})(?:\s?[mfhw])?"
    r"(?:\s(?:old|alt|alte[rsn]?|of age|de edad|oud|de idade))?(?!\w)"
    r"|(?<![\w.])\d{1,3}\s?[mfwh](?:/\d{1,3})?(?![\w.])"
    rf"|(?<![\w.])\d{{1,2}}(?:[:.h]\d\d){{0,2}}\s?(?:{_HOURS})(?!\w)"
    r"|(?<!\w)(?:in\s)?(?:(?:his|her|their|the)\s(?:early\s|mid[\s-]|late\s)?|early\s|mid[\s-]|late\s)\d0s(?!\w)"
    r"|(?<!\w)[a-z]{1,2}\d[\da-z]?\s+\d(?!pl|st|nd|rd)[abd-hjlnp-uw-z]{2}(?!\w)"
    r"|(?<!\w)[a-z]\d[a-z]\s?\d[a-z]\d(?!\w)|(?<!\w)(?:[\da-f]{2}[:-]){5}[\da-f]{2}(?!\w)"
    # a year is no number of seconds
    r"|(?<![\w.,])(?:19|20)\d\d\s?[a-z](?!\w)"
    r"|(?<!\w)[1-9]\d{3}\s?(?!ms|ml|hu|mm|bq|gy|mg|kg|kv|ma)[a-z]{2}(?!\w)"
)
_DIGIT = re.compile(r"\d")
#: names of machines, files and mailboxes
_MACHINES = re.compile(
    r"(?:https?|s?ftps?|file|dicom|mailto|smb|ldap)\s?:\S+|www\d?\.\S+|\S+://\S*"
    r"|(?:\w+\sdot\s)*\w+\s(?:at\s\w+(?:\sdot\s\w+)+)"
    r"|\S+\s?[\[(]\s?at\s?[\])]\s?\S+(?:\s?[\[(]\s?dot\s?[\])]\s?\S+)*"
    r"|(?<![\w.])[\w-]+(?:\.[\w-]*[a-z][\w-]*){2,}"
    r"|[\w.+-]+\s?@\s?[\w-]+(?:\.[\w-]+)+"
    r"|(?<!\w)[a-z]:[\\/](?:.*[\\/])?\S*|\\\\(?:.*\\)?\S*|\S*\\\S*\\\S*"
)
_HINT = re.compile(r"[@\\]|\w\.[\w-]+\.\w|:/|www|\bdot\b|\bat\s?[\])]|mailto|ftp|http|file|dicom|smb|ldap")


def erase(line: str) -> str:
    """Return ``line`` (folded) with those spans overwritten, each by as many signs that no word holds."""
    small = line.lower()
    if _HINT.search(small):
        line = _overwrite(line, _MACHINES, STRANGE)
        small = line.lower()
    if _DIGIT.search(small):
        line = _overwrite(line, _NUMBERS, ERASED)
    return line


def _overwrite(line: str, pattern: re.Pattern[str], sign: str) -> str:
    small = line.lower()
    if len(small) != len(line):
        # a capital whose small letter is two characters: too strange to look for patterns in
        return line
    for match in pattern.finditer(small):
        line = line[: match.start()] + sign * (match.end() - match.start()) + line[match.end() :]
    return line
