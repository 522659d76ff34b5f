"""How many threads a parallel kernel is worth waking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba as nb

SERIAL_WORK = 2**19
"""Elements below which one thread is quicker: waking another costs up to a scheduler's tick on a busy machine."""


@contextmanager
def threads_for(work: int) -> Iterator[None]:
    """Run the parallel kernels within on one thread when there are few elements to work on.

    Their results do not depend on it.
    """
    allowed = nb.get_num_threads()
    if work >= SERIAL_WORK or allowed == 1:
        yield
        return
    nb.set_num_threads(1)
    try:
        yield
    finally:
        nb.set_num_threads(allowed)
