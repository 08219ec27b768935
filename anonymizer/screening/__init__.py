"""Screening of the output for identifiers of the persons named in the object: a search of bytes, then a check of values."""
