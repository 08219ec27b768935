"""Spread elements over the workers."""

from collections.abc import Iterable
from random import getrandbits
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection


def _with_any_key(element: Any) -> tuple[int, Any]:
    return getrandbits(32), element


def _elements(keyed: tuple[int, Iterable[Any]]) -> Iterable[Any]:
    return keyed[1]


class SpreadElements(beam.PTransform[PCollection[Any], PCollection[Any]]):
    """Elements -> the same, spread over the workers: Beam's Reshuffle without windows, in half as many steps."""

    def __init__(self, kind: Any) -> None:
        """
        Args:
            kind: the elements' type, by which Beam knows their coder.
        """
        super().__init__()
        self._kind = kind

    def expand(self, elements: PCollection[Any]) -> PCollection[Any]:
        keyed = beam.typehints.Tuple[int, self._kind]
        return (
            elements
            | "WithAnyKey" >> beam.Map(_with_any_key).with_output_types(keyed)
            | "ByKey" >> beam.GroupByKey()
            | "Unpacked" >> beam.FlatMap(_elements).with_output_types(self._kind)
        )


class SpreadNames(beam.PTransform[PBegin, PCollection[str]]):
    """Spread names of files over the workers."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names

    def expand(self, pbegin: PBegin) -> PCollection[str]:
        return pbegin | "Create" >> beam.Create(self._names, reshuffle=False) | "Spread" >> SpreadElements(str)
