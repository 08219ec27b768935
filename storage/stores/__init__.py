"""One module for each kind of storage, and one for its client; what all of them offer stands in storage/store.py."""
