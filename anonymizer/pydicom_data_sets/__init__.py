"""pydicom's data sets on their way through the engine; the engine itself works on bytes."""
