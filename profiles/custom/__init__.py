"""Custom profiles: rules that people write, which come before the standard's tables."""

from .decision import custom_decision as custom_decision
from .decision import undates as undates
from .files import ProfileSource as ProfileSource
from .files import read_csv as read_csv
from .files import read_json as read_json
from .files import read_source as read_source
from .files import read_xml as read_xml
from .idle import idle_rules as idle_rules
from .idle import warn_of_idle_rules as warn_of_idle_rules
from .mapping import RuleAction as RuleAction
from .mapping import rules_from_mapping as rules_from_mapping
from .patterns import Attribute as Attribute
from .patterns import TagPattern as TagPattern
from .rules import KEEPING as KEEPING
from .rules import PROTECTED as PROTECTED
from .rules import CustomRule as CustomRule
from .rules import RulesByTag as RulesByTag
from .rules import check_strength as check_strength
from .rules import first_match as first_match
from .rules import typed_value as typed_value
from .rules import weakens as weakens
