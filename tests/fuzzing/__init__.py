"""Hostile input: a coverage-guided fuzzer (``python -m tests.fuzzing``) and mutated files through the real command."""
