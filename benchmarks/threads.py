"""How many threads a benchmark may use, said before NumPy and Numba are imported."""

from __future__ import annotations

import os
import sys

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(threads: int) -> None:
    """Let BLAS, OpenMP and Numba start at most `threads` threads in this process.

    Raises
    ------
    RuntimeError
        When NumPy has been imported already: its BLAS would not hear of it.
    """
    if "numpy" in sys.modules:
        raise RuntimeError("limit_threads has to come before the first import of numpy")
    for variable in VARIABLES:
        os.environ[variable] = str(threads)


def thread_settings() -> dict[str, str]:
    """Return the variables that govern threads, as far as they are set."""
    return {variable: os.environ[variable] for variable in VARIABLES if variable in os.environ}
