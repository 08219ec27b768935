"""Exit codes of the command, beside 0 for success and 128 + N for signal N."""

#: failed; called with an option that can't be used; finished, with quarantined objects; failed for a transient reason, so that
#: the same command may succeed later
EXIT_FAILED, EXIT_USAGE, EXIT_QUARANTINED, EXIT_TRANSIENT = 1, 2, 3, 4
#: a command that looks up names did not find all of them
EXIT_NOT_FOUND = 3
