"""Bytes on their way to files: pieces and ranges, never half an object under its name; nothing here knows DICOM."""
