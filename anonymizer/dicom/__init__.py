"""DICOM as bytes: encodings, elements, file header, text; nothing here knows the actions on values."""
