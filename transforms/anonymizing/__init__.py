"""Pass 2: from work units to written objects and their audit rows; headers are rewritten in anonymizer/."""
