"""Rectangles blanked in pixel data, frame by frame, and the proof of it. What is blanked is decided outside this package."""

from .cleaner import PixelCleaner as PixelCleaner
from .decoded_frames import FrameDecoder as FrameDecoder
from .image_format import ImageFormat as ImageFormat
from .image_format import read_image_format as read_image_format
from .syntaxes import PixelForm as PixelForm
from .syntaxes import form_of as form_of
