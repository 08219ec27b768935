"""The identity of an object's patient and its replacement: subject, words, dates, UIDs, pseudonyms; rewriting/ applies it."""
