"""Files of pixel rules: the project's own format, CTP scripts and deid recipes, with the lint that each of them passes."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice

from ..custom import ProfileSource, read_source
from ..errors import ProfileError
from ..importers import RuleDraft, is_ctp_script, is_deid_recipe, read_ctp_script, read_deid_recipe
from ..tables import DATA
from .findings import Finding
from .lint import ReadRule, findings
from .own_rules import is_own_csv, is_own_json, read_own_csv, read_own_json
from .rectangles import Area
from .rules import BUILT_IN, MAX_AREAS, Outcome, PixelRule, RuleSource, Semantics

OWN, CTP, DEID = "own", "ctp", "deid"
#: the name that means the recipe of the installed package
DEID_PACKAGE = "deid"
_MAX_RULES = 5000
#: findings that one message tells
_TOLD = 3

_Reader = Callable[[str, str], Iterator[ReadRule]]


def read_pixel_rules(
    source: ProfileSource, accept: Collection[str] = (), *, ordinals: Mapping[str, int] | None = None
) -> RuleSource:
    """Return the rules of a file: CSV or JSON of the project's own, a CTP script, a deid recipe, by its name or what is in it.

    Args:
        source: a path or an open stream; ``deid``: the recipe ``deid.dicom`` of the installed package of that name.
        accept: names of rules whose findings are accepted: without it, a file is refused that has a rule with rectangles for
            images of any size, or one that can't be taken over. The first kind is then used, cut off at the edges; the other is
            left out.
        ordinals: how many files of each kind were read before: from the second on, the number is part of the names of imported
            rules.

    Raises:
        ProfileError: the file can't be read, the line that is wrong, or the rules that must be accepted.
    """
    text, name = _text_of(source)
    kind, semantics, read = _kind_of(text, name, ordinals or {})
    rules = _read(text, name, read)
    found = tuple(findings(rules, semantics))
    needed = dict.fromkeys(finding.rule for finding in found if finding.must_be_accepted)
    if refused := [finding for finding in found if finding.must_be_accepted and finding.rule not in accept]:
        raise ProfileError(_refusal(name, refused))
    taken = tuple(rule.rule for rule in rules if not rule.untranslated)
    return RuleSource(kind, semantics, taken, found, tuple(needed), _digest(text))


def lint_pixel_rules(*sources: ProfileSource) -> tuple[Finding, ...]:
    """Return what is to be said about the rules of a file, or of several that are used together, in their order.

    Raises:
        ProfileError: a file can't be read, or the line that is wrong.
    """
    found: list[Finding] = []
    before: dict[str, int] = {}
    for source in sources:
        text, name = _text_of(source)
        kind, semantics, read = _kind_of(text, name, before)
        found += findings(_read(text, name, read), semantics)
        before[kind] = before.get(kind, 0) + 1
    return tuple(found)


@cache
def built_in_rules() -> RuleSource:
    """Return the project's own table, ``profiles/data/pixel_rules.csv``."""
    text, name = read_source(DATA / "pixel_rules.csv")
    rules = tuple(rule.rule for rule in read_own_csv(text, name))
    return RuleSource(BUILT_IN, Semantics.ALL, rules, digest=_digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _text_of(source: ProfileSource) -> tuple[str, str]:
    if source != DEID_PACKAGE:
        return read_source(source)
    found = importlib.util.find_spec(DEID_PACKAGE)
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    paths = [path for folder in folders if os.path.isfile(path := os.path.join(folder, "data", "deid.dicom"))]
    if not paths:
        raise ProfileError(
            f"pixel rules '{DEID_PACKAGE}': the Python package of that name isn't installed; ./{DEID_PACKAGE} names a file"
        )
    return read_source(paths[0])


def _kind_of(text: str, name: str, before: Mapping[str, int]) -> tuple[str, Semantics, _Reader]:
    """Return the kind of a file, its semantics and its reader."""
    own = (OWN, Semantics.ALL)
    suffix = os.path.splitext(name)[1].lower()
    if suffix == ".csv":
        return *own, read_own_csv
    if suffix == ".json":
        return *own, read_own_json
    if suffix != ".script" and is_deid_recipe(text):
        return DEID, Semantics.IN_ORDER, _imported(read_deid_recipe, _prefix(DEID, before))
    if suffix == ".script" or is_ctp_script(text):
        return CTP, Semantics.FIRST, _imported(read_ctp_script, _prefix(CTP, before))
    if is_own_csv(text):
        return *own, read_own_csv
    if is_own_json(text):
        return *own, read_own_json
    raise ProfileError(
        f"{name}: these are no pixel rules: a CSV file (with commas), a JSON file, a CTP script or a deid recipe (FORMAT dicom) "
        "is needed"
    )


def _prefix(kind: str, before: Mapping[str, int]) -> str:
    """Return what names of a file's rules begin with: ``ctp``, then ``ctp2``."""
    number = before.get(kind, 0) + 1
    return f"{kind}{number}" if number > 1 else kind


def _imported(read: Callable[[str, str], Iterator[RuleDraft]], prefix: str) -> _Reader:
    return lambda text, name: (_rule_of(draft, name) for draft in read(text, prefix))


def _rule_of(draft: RuleDraft, name: str) -> ReadRule:
    areas, untranslated = tuple(Area(*area) for area in draft.areas), draft.untranslated
    if len(areas) > MAX_AREAS:
        areas, untranslated = (), (*untranslated, f"there are more than {MAX_AREAS} rectangles")
    provenance = f"{name} line {draft.line}"
    rule = PixelRule(draft.name, draft.condition, None, None, Outcome(draft.outcome), areas, provenance, clips=True)
    return ReadRule(draft.line, rule, untranslated, draft.readings)


def _read(text: str, name: str, read: _Reader) -> Sequence[ReadRule]:
    rules = list(islice(read(text, name), _MAX_RULES + 1))
    if len(rules) > _MAX_RULES:
        raise ProfileError(f"{name}: more than {_MAX_RULES} pixel rules")
    if not rules:
        raise ProfileError(f"{name}: no pixel rules in it")
    return rules


def _refusal(name: str, refused: Sequence[Finding]) -> str:
    told = "; ".join(str(finding) for finding in refused[:_TOLD])
    more = f"; and {len(refused) - _TOLD} more" if len(refused) > _TOLD else ""
    return f"{name} {told}{more}: mend these rules, or accept each of them by its name, such as --accept-rule {refused[0].rule}"
