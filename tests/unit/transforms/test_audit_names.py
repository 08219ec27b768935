"""Ids of runs."""

from __future__ import annotations

import calendar
import time

from transforms import new_run_id
from transforms.audit_names import is_run_id


def test_run_ids_sort_by_time() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_run_id())
        time.sleep(0.002)
    assert ids == sorted(ids) and len(set(ids)) == 20 and all(is_run_id(one) for one in ids)
    seconds = calendar.timegm(time.strptime(ids[-1][:14], "%Y%m%d%H%M%S")) + int(ids[-1][14:17], 16) / 4096
    assert abs(time.time() - seconds) < 60
