"""The report of a run in two editions: counts, words, charts, pages. No engine, no store: callers bring content and write files."""
