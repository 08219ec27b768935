"""The restricted census: the distinct values that stay, with numbers of patients and instances, for people who review them."""
