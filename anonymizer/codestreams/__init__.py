"""Headers of compressed frames, read without a decoder and safe for hostile bytes. Decoders are outside this package."""

from .codestream import CODESTREAM_SYNTAXES as CODESTREAM_SYNTAXES
from .codestream import Codestream as Codestream
from .codestream import Family as Family
from .codestream import frame_error as frame_error
from .jp2_boxes import unboxed as unboxed
from .plain_dct import is_plain_dct as is_plain_dct
from .plain_dct import plain_dct as plain_dct
from .reading import begins_codestream as begins_codestream
from .reading import is_dct_syntax as is_dct_syntax
from .reading import read_codestream as read_codestream
