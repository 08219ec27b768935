"""Compressed frames decoded, encoded and edited by libraries in child processes, which have limits."""

from .dct import BlockArea as BlockArea
from .dct import blank_dct as blank_dct
from .dct import coefficients as coefficients
from .frames import decode as decode
from .frames import encode as encode
from .jpeg_header import Component as Component
from .libraries import check_codec as check_codec
from .libraries import has_decoder as has_decoder
from .raster import MOST_DECODED as MOST_DECODED
from .raster import Coding as Coding
from .raster import Raster as Raster
