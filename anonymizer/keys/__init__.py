"""The secret and what is derived from it: key files, secret managers, keyed hashes, seals; no value of an object."""
