"""The resources that the objects of one engine share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from profiles import ConfidentialityProfile, Plan, Rule

from ..dicom.encoding import Encoding
from ..identity.patients import PatientTable
from ..identity.pseudonyms import Pseudonyms
from ..identity.subject import SubjectReader
from ..identity.uids import KeyedUids
from ..pixels import PixelTriage, ReviewedObjects, RuleTriage
from ..review.object_review import ReviewRules
from ..screening.screen import Screen
from .header_cache import HeaderCache
from .method_codes import Statements


@dataclass(frozen=True, slots=True)
class EngineResources:
    """The policy, what is made from the key, and what was worked out once for all objects.

    Attributes:
        profile: the policy.
        uids: new UIDs, and by whose hashes series are told apart.
        pseudonyms: names that are made from the key.
        subjects: finds out what the profile must know of each object.
        patients: the lookup table by which patients are named; None: by pseudonyms.
        statements: what objects will say of themselves.
        triage: judges whether pixels may identify a person.
        reviewed: the objects for which somebody decided on rectangles; None: none.
        rule_triage: judges whether a site's own pixel rules mean an object at no risk; None: there are none.
        screen: looks for known identifiers in what is to be written; None where the profile doesn't.
        review: what people decided on values, and the hashes by which values are counted.
        constants: elements that are the same in every object, by encoding and rule.
        header_caches: what was met lately, by plan and encoding.
    """

    profile: ConfidentialityProfile
    uids: KeyedUids
    pseudonyms: Pseudonyms
    subjects: SubjectReader
    patients: PatientTable | None
    statements: Statements
    triage: PixelTriage
    screen: Screen | None
    review: ReviewRules
    reviewed: ReviewedObjects | None
    rule_triage: RuleTriage | None
    constants: dict[Encoding, dict[Rule, bytes]] = field(default_factory=lambda: defaultdict(dict))
    header_caches: dict[tuple[Plan, Encoding], HeaderCache] = field(default_factory=lambda: defaultdict(HeaderCache))
