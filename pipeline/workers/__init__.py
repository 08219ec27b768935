"""Worker processes of a local run: their sockets, supervision and end. The steps that they execute are in ``transforms``."""
