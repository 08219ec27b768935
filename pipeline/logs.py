"""What may be logged: by itself, nothing of Beam's or of other libraries."""

import logging
import os
import threading
import warnings


def silence_logs(*, debug: bool = False) -> None:
    """Keep Beam's logs back: it logs elements and exception texts, which name objects."""
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
