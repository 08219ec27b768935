"""The UID map: uses of UIDs, the map of an earlier run, and the proof that pass 2 waits for."""
