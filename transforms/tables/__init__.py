"""Parquet tables of bounded size: their columns and how files of them are written; their rows are made by each step."""
