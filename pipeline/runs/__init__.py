"""A run from its options to its account, and its records for later runs. The steps of the job are in ``transforms``."""
