"""Pass 2: from work units to written objects and their audit rows; what is done to a header stands in anonymizer/."""
