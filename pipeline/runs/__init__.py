"""A run from its options to its account, and what it leaves for the next one; the steps themselves stand in transforms/."""
