"""Parquet tables of bounded size: their columns and how files of them are written; what goes into them stands with each step."""
