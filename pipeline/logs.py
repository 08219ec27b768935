"""What may be logged: by itself, nothing of Beam's."""

import logging


def quiet(*, debug: bool = False) -> None:
    """Keep Beam's logs back: it logs elements and exception texts, which name objects."""
    level = logging.INFO if debug else logging.CRITICAL + 1
    logging.basicConfig(level=level)
    logging.getLogger().setLevel(level)
    logging.getLogger("apache_beam").setLevel(level)
