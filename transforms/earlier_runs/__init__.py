"""Results of earlier runs, as plain functions; the step that compares the listed objects with them stands in inputs/."""
