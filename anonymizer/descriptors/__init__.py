"""Cleaning of descriptions (PS3.15 E.3.5): patterns are cut, words looked up, their neighbours heard, the rest made readable."""

from .cleaner import DescriptorCleaner as DescriptorCleaner
from .words import identifying_words as identifying_words
from .words import normal_word as normal_word
