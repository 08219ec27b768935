"""The policy: what the confidentiality profile does to each attribute. Knows the standard's tables, no file and no Beam."""

from .actions import Action as Action
from .content_items import CONTENT_SEQUENCE as CONTENT_SEQUENCE
from .custom import CustomRule as CustomRule
from .date_shift import DateShift as DateShift
from .date_shift import partner_of as partner_of
from .decisions import Decision as Decision
from .decisions import ExplainedAttribute as ExplainedAttribute
from .decisions import attribute_keyword as attribute_keyword
from .decisions import attribute_vr as attribute_vr
from .describe import describe as describe
from .errors import ProfileError as ProfileError
from .explain import diff as diff
from .options import ProfileOptions as ProfileOptions
from .plan import OVERLAY_BIT_POSITION as OVERLAY_BIT_POSITION
from .plan import STAMPED as STAMPED
from .plan import Plan as Plan
from .plan import PlanNode as PlanNode
from .plan import compile_plan as compile_plan
from .profile import ConfidentialityProfile as ConfidentialityProfile
from .rules import Operation as Operation
from .rules import Rule as Rule
from .tables import EDITION as EDITION
from .tables import MethodCode as MethodCode
from .tables import identity_attributes as identity_attributes
from .tables import tag_text as tag_text
