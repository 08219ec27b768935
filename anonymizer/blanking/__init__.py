"""Rectangles blanked in pixel data, frame by frame, and the proof of it. What is blanked is decided outside this package."""

from .cleaner import PixelCleaner as PixelCleaner
from .image_format import read_image_format as read_image_format
from .syntaxes import PixelForm as PixelForm
from .syntaxes import form_of as form_of
