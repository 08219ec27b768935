"""What the rewriters of one engine share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from profiles import Plan, Rule

from ..dicom.encoding import Encoding
from ..identity.patients import PatientTable
from ..identity.pseudonyms import Pseudonyms
from .header_cache import HeaderCache
from .method_codes import Statements


@dataclass(frozen=True, slots=True)
class EngineResources:
    """What the objects of one engine share.

    Attributes:
        pseudonyms: names that are made from the key.
        statements: what objects will say of themselves.
        patients: the lookup table by which patients are named; None: by pseudonyms.
        constants: elements that are the same in every object, by encoding and rule.
        familiar: what was met lately, by plan and encoding.
    """

    pseudonyms: Pseudonyms
    statements: Statements
    patients: PatientTable | None = None
    constants: dict[Encoding, dict[Rule, bytes]] = field(default_factory=lambda: defaultdict(dict))
    header_caches: dict[tuple[Plan, Encoding], HeaderCache] = field(default_factory=lambda: defaultdict(HeaderCache))
