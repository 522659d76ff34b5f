"""What may be given as the workers of a Dask cluster; known without Dask."""

from __future__ import annotations

import os
import re

from oubli.errors import InputError

ADDRESS = re.compile(r"inproc://.+|((tcp|tls|ws|wss|ucx)://)?[^/]+:[0-9]+")
"""What Dask takes for the address of a scheduler."""

MOST = 1024
"""Processes started on one machine; more is a slip of the pen."""


def checked_workers(workers: int | str | None) -> int | str:
    """Return how many workers to start, as many as cores where nothing is given, or the address of a scheduler.

    Raises
    ------
    InputError
        When it is neither.
    """
    if workers is None:
        return len(os.sched_getaffinity(0))
    if isinstance(workers, str) and ADDRESS.fullmatch(workers):
        return workers
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST:
        raise InputError(
            f"workers: expected how many to start (1 to {MOST}), or the address of a scheduler (tcp://host:8786); "
            f"got {workers!r}"
        )
    return workers
