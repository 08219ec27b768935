"""Zips and tars as inputs: their members are the instances, streamed out of them, with limits against bombs."""

from .members import members as members
from .members import open_member as open_member
from .names import is_container as is_container
from .seekable import OpenRange as OpenRange
from .seekable import SeekableEntry as SeekableEntry
from .sequential import SequentialTars as SequentialTars
