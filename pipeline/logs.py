"""Logs and warnings of Beam and other libraries: kept back, for they quote elements and exceptions, which name objects."""

import logging
import os
import threading
import warnings


def silence_logs(*, debug: bool = False) -> None:
    """Keep back all that libraries log or warn of, in this process and in those that it starts.

    ``host_unchanged`` undoes it.

    Args:
        debug: let Beam log.
    """
    level = logging.INFO if debug else logging.CRITICAL + 1
    logging.basicConfig(level=level)
    logging.getLogger().setLevel(level)
    logging.getLogger("apache_beam").setLevel(level)
    if not debug:
        # what libraries warn of holds values of objects
        warnings.simplefilter("ignore")
        # gRPC writes to stderr by itself; processes that are started later inherit it
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        # Beam's threads break when its processes and servers do; the run itself tells what happened
        threading.excepthook = lambda failure: None
