"""What is asked of an archive without a run: cost, patients, names of refused objects; nothing of an output is changed here."""
