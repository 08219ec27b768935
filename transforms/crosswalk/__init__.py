"""The restricted crosswalk, clear or encrypted: the one place where original names and identifiers are written."""
