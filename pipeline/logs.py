"""Suppression of logs and warnings of Beam and other libraries: they quote elements and exceptions, which name objects."""

import logging
import os
import threading
import warnings


def silence_logs(*, debug: bool = False) -> None:
    """Suppress the logs and warnings of libraries, in this process and in those that it starts.

    ``host_unchanged`` undoes this.

    Args:
        debug: show the log of Beam.
    """
    level = logging.INFO if debug else logging.CRITICAL + 1
    logging.basicConfig(level=level)
    logging.getLogger().setLevel(level)
    logging.getLogger("apache_beam").setLevel(level)
    if not debug:
        # warnings of libraries quote values of objects
        warnings.simplefilter("ignore")
        # gRPC writes to stderr itself; processes that are started later inherit the setting
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        # Beam's threads raise when its processes and servers end; the run itself reports what happened
        threading.excepthook = lambda failure: None
