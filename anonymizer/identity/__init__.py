"""Whose object it is and what takes the place of that: subject, words, dates, UIDs, pseudonyms; rewriting/ does it."""
