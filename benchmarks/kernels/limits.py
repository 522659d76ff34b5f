"""Calls on a chosen number of threads, in Numba and in BLAS."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Return the controller of the BLAS libraries; finding them takes a millisecond, so they are found once."""
    return ThreadpoolController()


def on_threads(threads: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a call that uses so many threads, and then leaves the settings as they were."""
    controller = _controller()

    def limited() -> Any:
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            with controller.limit(limits=threads, user_api="blas"):
                return call()
        finally:
            numba.set_num_threads(before)

    return limited
