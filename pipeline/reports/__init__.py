"""The report of a run in two editions: counts, words, charts, pages. Callers bring the content of files, and write the pages."""
