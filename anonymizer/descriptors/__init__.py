"""Cleaning of descriptions (PS3.15 E.3.5): patterns are cut, words looked up, their neighbours heard, the rest made readable."""

# the cleaner is imported from its module, by those who clean: its vocabulary takes longer than all else
from .words import identifying_words as identifying_words
from .words import normal_word as normal_word
from .words import spellings as spellings
