"""Conditions on attributes: the one grammar in which the product's rules say which objects they mean; no rule lives here."""

from .nodes import ALL_VALUES as ALL_VALUES
from .nodes import AllOf as AllOf
from .nodes import AnyOf as AnyOf
from .nodes import AttributeTest as AttributeTest
from .nodes import Node as Node
from .nodes import Not as Not
from .nodes import Values as Values
from .nodes import conjuncts as conjuncts
from .nodes import tests_of as tests_of
from .parser import MAX_DEPTH as MAX_DEPTH
from .parser import Condition as Condition
from .regex import compile_regex as compile_regex
from .rendering import render as render
