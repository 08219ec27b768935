"""The attributes that the engine itself must know."""

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
BURNED_IN = 0x00280301
#: FloatPixelData, DoubleFloatPixelData and PixelData: nothing behind them is kept
FIRST_PIXELS, PIXEL_DATA = 0x7FE00008, 0x7FE00010
