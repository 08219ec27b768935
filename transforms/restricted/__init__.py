"""Files that name or show people: encrypted, or their owner's alone."""
