"""The attributes that the engine itself must know, and the text that it writes in one of them."""

from profiles import EDITION

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
PATIENT_ID, ISSUER_OF_PATIENT_ID = 0x00100020, 0x00100021
PRIVATE_CHARACTERISTICS = 0x00080300
#: FloatPixelData, DoubleFloatPixelData and PixelData: nothing behind them is kept
FIRST_PIXELS, PIXEL_DATA = 0x7FE00008, 0x7FE00010

#: SOP classes of sound (PS3.4 B.5): Basic Voice, General Audio, Real-Time Audio Waveform
AUDIO_CLASSES = frozenset({b"1.2.840.10008.5.1.4.1.1.9.4.1", b"1.2.840.10008.5.1.4.1.1.9.4.2", b"1.2.840.10008.10.3"})

#: in DeidentificationMethod, of each object
METHOD = f"DICOM PS3.15 {EDITION} Annex E, by dicom-deid".encode()
