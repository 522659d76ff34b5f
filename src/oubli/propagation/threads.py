"""Kernels that are compiled twice, for one thread and for several."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba as nb

SERIAL_WORK = 2**19
"""Elements below which one thread is quicker: waking another costs up to a scheduler's tick on a busy machine."""


class TwoWay:
    """A kernel with `prange` loops, compiled for one thread and for several; its results do not depend on which.

    The first argument of a call is how many elements there are to work on. Small work stays off the thread pool
    altogether, so that it is quick on a busy machine, and allowed in a forked process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        assert isinstance(function, FunctionType)
        # Compiled code is kept on disk under the function's name, which the two must not share.
        twin = FunctionType(function.__code__, function.__globals__, f"{function.__name__}_serial")
        twin.__qualname__ = f"{function.__qualname__}_serial"
        twin.__module__ = function.__module__
        self._serial = nb.njit(cache=True)(twin)
        self._parallel = nb.njit(cache=True, parallel=True)(function)
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    def __call__(self, work: int, *arguments: Any) -> Any:
        """Run the kernel on `work` elements."""
        # Large work takes the parallel code on one thread, too: the compiler does better with it.
        return (self._serial if work < SERIAL_WORK else self._parallel)(*arguments)


def sharers(work: int) -> int:
    """Return how many threads may share out the columns of `work` elements."""
    return 1 if work < SERIAL_WORK else int(nb.get_num_threads())
