"""Exit codes of the command, beside 0 for success and 128 + N for signal N."""

#: the command failed; it was called with an option that can't be used; it came to its end with quarantined objects; it failed
#: for a transient reason, so that the same command may succeed later
EXIT_FAILED, EXIT_USAGE, EXIT_QUARANTINED, EXIT_TRANSIENT = 1, 2, 3, 4
