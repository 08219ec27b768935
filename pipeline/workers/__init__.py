"""Processes on this machine that do a local run's work: sockets, watch and end; what they work on stands in transforms/."""
