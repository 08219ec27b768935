"""The policy: what the confidentiality profile does to each attribute. Knows the standard's tables, no file and no Beam."""

from .actions import Action
from .custom import CustomRule, RuleAction
from .date_shift import DateShift
from .decisions import ExplainedAttribute
from .errors import ProfileError, ProfileWarning
from .options import ProfileOptions
from .pixels import PixelPolicy
from .profile import ConfidentialityProfile
from .settings import ProfileSettings
from .tables import EDITION

#: for users; what the project's own packages need besides follows below and may change at any time
__all__ = [
    "EDITION",
    "Action",
    "ConfidentialityProfile",
    "CustomRule",
    "DateShift",
    "ExplainedAttribute",
    "PixelPolicy",
    "ProfileError",
    "ProfileOptions",
    "ProfileSettings",
    "ProfileWarning",
    "RuleAction",
]

from . import faces as faces
from .conditions import Condition as Condition
from .conditions import Values as Values
from .content_items import CODE_MEANING as CODE_MEANING
from .content_items import CODE_VALUE as CODE_VALUE
from .content_items import CODING_SCHEME as CODING_SCHEME
from .content_items import CODING_SCHEME_VERSION as CODING_SCHEME_VERSION
from .content_items import CONTENT_SEQUENCE as CONTENT_SEQUENCE
from .custom import PROTECTED as PROTECTED
from .date_shift import partner_of as partner_of
from .decisions import Decision as Decision
from .decisions import attribute_keyword as attribute_keyword
from .decisions import attribute_vr as attribute_vr
from .describe import describe as describe
from .describe import describe_risks as describe_risks
from .dictionary import dictionary as dictionary
from .dictionary import registered_uids as registered_uids
from .dictionary import tags as tags
from .dictionary import uids_by_keyword as uids_by_keyword
from .dummies import DUMMY_TEXT as DUMMY_TEXT
from .dummies import has_harmless_dummy as has_harmless_dummy
from .errors import PixelSizeError as PixelSizeError
from .errors import UserFacingError as UserFacingError
from .explain import diff as diff
from .identity import BEHIND_IDENTITY as BEHIND_IDENTITY
from .identity import IdentityKind as IdentityKind
from .identity import identity_attributes as identity_attributes
from .identity import identity_kinds as identity_kinds
from .legal_values import are_legal as are_legal
from .legal_values import has_designator_before as has_designator_before
from .legal_values import is_legal as is_legal
from .legal_values import number_before_unit as number_before_unit
from .lookup import Explanation as Explanation
from .lookup import explain_attribute as explain_attribute
from .lookup import find_attribute as find_attribute
from .pixels import ADMISSIONS as ADMISSIONS
from .pixels import BURNED_IN_ANNOTATION as BURNED_IN_ANNOTATION
from .pixels import CLEAN as CLEAN
from .pixels import FEW_FRAMES as FEW_FRAMES
from .pixels import KEEP as KEEP
from .pixels import MAX_AREAS as MAX_AREAS
from .pixels import PROPOSED as PROPOSED
from .pixels import QUARANTINE as QUARANTINE
from .pixels import REVIEWED_COLUMNS as REVIEWED_COLUMNS
from .pixels import RULE_COLUMNS as RULE_COLUMNS
from .pixels import SPECIMEN_LABEL_IN_IMAGE as SPECIMEN_LABEL_IN_IMAGE
from .pixels import Area as Area
from .pixels import Finding as Finding
from .pixels import Outcome as Outcome
from .pixels import PixelRisk as PixelRisk
from .pixels import PixelRule as PixelRule
from .pixels import PixelRules as PixelRules
from .pixels import Rectangle as Rectangle
from .pixels import Reviewed as Reviewed
from .pixels import ReviewedRectangles as ReviewedRectangles
from .pixels import RuleMatch as RuleMatch
from .pixels import RuleSource as RuleSource
from .pixels import TextSearch as TextSearch
from .pixels import decide as decide
from .pixels import holds_pixels as holds_pixels
from .pixels import lint_pixel_rules as lint_pixel_rules
from .pixels import outside as outside
from .pixels import read_pixel_rules as read_pixel_rules
from .pixels import resolve as resolve
from .pixels import union as union
from .plan import MODALITY as MODALITY
from .plan import PATIENT_AGE as PATIENT_AGE
from .plan import PATIENT_SEX as PATIENT_SEX
from .plan import Plan as Plan
from .plan import RuleNode as RuleNode
from .plan import compile_plan as compile_plan
from .reviewed_rules import VERDICT as VERDICT
from .reviewed_rules import allowed_rule as allowed_rule
from .reviewed_rules import dummy_rule as dummy_rule
from .reviewed_rules import removed_rule as removed_rule
from .rule_factory import DERIVATION_DESCRIPTION as DERIVATION_DESCRIPTION
from .rule_factory import IDENTIFIER_SCREENED as IDENTIFIER_SCREENED
from .rule_factory import ILLEGAL_VALUE as ILLEGAL_VALUE
from .rule_factory import STAMPED as STAMPED
from .rules import TEXT_VRS as TEXT_VRS
from .rules import Operation as Operation
from .rules import Rule as Rule
from .rules import is_overlay_bit_position as is_overlay_bit_position
from .spreadsheets import escape_formulas as escape_formulas
from .spreadsheets import unescape_formulas as unescape_formulas
from .tables import DATE_VRS as DATE_VRS
from .tables import MethodCode as MethodCode
from .tables import method_codes as method_codes
from .tables import modalities as modalities
from .tables import parse_tag as parse_tag
from .tables import sop_class_modules as sop_class_modules
from .tables import tag_text as tag_text
from .terms import DUMMY_SCHEME as DUMMY_SCHEME
from .terms import coding_scheme_uids as coding_scheme_uids
from .terms import is_defined_term as is_defined_term
from .terms import is_enumerated as is_enumerated
from .terms import is_made_of_words as is_made_of_words
from .terms import is_public_scheme as is_public_scheme
from .terms import is_term as is_term
from .terms import published_schemes as published_schemes
from .terms import scheme_has_code as scheme_has_code
from .terms import terms_of as terms_of
from .verdicts import CENSUS_COLUMNS as CENSUS_COLUMNS
from .verdicts import MOST_SHOWN as MOST_SHOWN
from .verdicts import VALUE_CODE_SIZE as VALUE_CODE_SIZE
from .verdicts import VALUE_HASH_SIZE as VALUE_HASH_SIZE
from .verdicts import ValueId as ValueId
from .verdicts import Verdict as Verdict
from .verdicts import Verdicts as Verdicts
from .words import DescriptorWords as DescriptorWords
from .words import descriptor_words as descriptor_words
