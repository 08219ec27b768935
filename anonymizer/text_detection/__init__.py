"""Text looked for in the pixels of objects, by models that run in child processes. Pass 1 alone does so."""

from .lines import GRID as GRID
from .models import text_engine_in_words as text_engine_in_words
from .search import PixelSearch as PixelSearch
