"""Elements that a DoFn yields when its bundle ends."""

from collections.abc import Iterable, Iterator
from typing import Any

from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue


def in_global_window(elements: Iterable[Any]) -> Iterator[WindowedValue]:
    """Yield ``elements`` as ``finish_bundle`` must: in the one window of the whole job."""
    window = GlobalWindow()
    for element in elements:
        yield WindowedValue(element, window.max_timestamp(), (window,))
