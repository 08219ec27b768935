"""The policy: what the confidentiality profile does to each attribute. Knows the standard's tables, no file and no Beam."""

from .actions import Action as Action
from .describe import describe as describe
from .errors import ProfileError as ProfileError
from .options import ProfileOptions as ProfileOptions
from .plan import STAMPED as STAMPED
from .plan import Operation as Operation
from .plan import Plan as Plan
from .plan import PlanNode as PlanNode
from .plan import Rule as Rule
from .plan import compile_plan as compile_plan
from .profile import ConfidentialityProfile as ConfidentialityProfile
from .profile import attribute_keyword as attribute_keyword
from .profile import attribute_vr as attribute_vr
from .tables import EDITION as EDITION
from .tables import MethodCode as MethodCode
from .tables import tag_text as tag_text
