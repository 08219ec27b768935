"""Pass 1: read headers, group instances into work units, judge series; nothing is written here."""
