"""One module for each kind of storage, and one for its client; their common interface is in storage/store.py."""
