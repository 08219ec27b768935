"""Shuffles of records, whatever they hold: coders, compression, shards, and spreading over the workers."""
