"""What a DoFn gives when its bundle ends."""

from collections.abc import Iterable, Iterator
from typing import Any

from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue


def in_global_window(elements: Iterable[Any]) -> Iterator[WindowedValue]:
    """``elements`` as ``finish_bundle`` must give them: of the one window that all of the job is in."""
    window = GlobalWindow()
    for element in elements:
        yield WindowedValue(element, window.max_timestamp(), (window,))
