"""How much of what could be looked at without end is looked at."""

from __future__ import annotations

import os

#: DEID_DEEP=N looks at N times as many moments
DEEP = max(1, int(os.environ.get("DEID_DEEP", "0")))
