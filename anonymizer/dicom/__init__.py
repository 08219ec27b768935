"""DICOM as bytes: encodings, elements, file header, text; nothing here knows what is done to a value."""
