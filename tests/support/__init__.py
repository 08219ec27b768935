"""What several test files share: building DICOM objects, running the engine, planting tokens."""
