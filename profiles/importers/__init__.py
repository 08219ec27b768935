"""Readers of other tools' files, each with its own semantics; what is done with what they read is decided elsewhere."""

from .ctp import is_ctp_script as is_ctp_script
from .ctp import read_ctp_script as read_ctp_script
from .deid_recipe import is_deid_recipe as is_deid_recipe
from .deid_recipe import read_deid_recipe as read_deid_recipe
from .drafts import DraftArea as DraftArea
from .drafts import RuleDraft as RuleDraft
