"""Measurement of tools that blank burned-in text: a labelled set of generated objects, a scorer, and what runs each tool."""
