"""Spread elements over the workers."""

from collections.abc import Iterable, Iterator
from random import getrandbits
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from .packing import pack, unpack


def _with_any_key(element: Any) -> tuple[int, bytes]:
    return getrandbits(32), pack(element)


def _unpacked(keyed: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
    return map(unpack, keyed[1])


class SpreadElements(beam.PTransform[PCollection[Any], PCollection[Any]]):
    """Elements -> the same, spread over the workers: Beam's Reshuffle without windows, in half as many steps, packed."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, elements: PCollection[Any]) -> PCollection[Any]:
        return (
            elements
            | "WithAnyKey" >> beam.Map(_with_any_key).with_output_types(tuple[int, bytes])
            | "ByKey" >> beam.GroupByKey()
            | "Unpacked" >> beam.FlatMap(_unpacked).with_output_types(self._kind)
        )


class SpreadNames(beam.PTransform[PBegin, PCollection[str]]):
    """Names of files, spread over the workers."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names

    def expand(self, pbegin: PBegin) -> PCollection[str]:
        return pbegin | "Create" >> beam.Create(self._names, reshuffle=False) | "Spread" >> SpreadElements(str)
