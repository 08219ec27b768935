"""Surveys of an archive without a run: cost, patients, names of refused objects. They change no output."""
