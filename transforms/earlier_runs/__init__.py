"""What earlier runs are worth for this one, as plain functions; the step that compares with them stands in inputs/."""
