"""Times of calls: CPU and wall clock, draws of several cases in turn, and what is reported of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Samples:
    """Times of one case, a value a draw.

    Attributes
    ----------
    cpu : list of float
        Seconds of processor time of the whole process, all threads together.
    wall : list of float
        Seconds on the clock.
    """

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def time(self, call: Callable[[], Any]) -> Any:
        """Make the call once, add its times, and return what it returned."""
        # No collection of older garbage on this call's account.
        gc.disable()
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            result = call()
            self.cpu.append(time.process_time() - cpu)
            self.wall.append(time.perf_counter() - wall)
        finally:
            gc.enable()
        return result


def interleave(cases: Mapping[str, Callable[[], Any]], draws: int, warmups: int = 1) -> dict[str, Samples]:
    """Time all cases in turn, `draws` times over, so that a change of the machine's load falls on all of them.

    The order is turned round every other time. Each case is first called `warmups` times without being timed.
    """
    samples = {name: Samples() for name in cases}
    for name in cases:
        for _ in range(warmups):
            cases[name]()
    names = list(cases)
    for draw in range(draws):
        for name in names if draw % 2 == 0 else reversed(names):
            samples[name].time(cases[name])
    return samples


def summary(values: list[float]) -> dict[str, float]:
    """Return median, quartiles, extremes and number of draws."""
    low, lower, middle, upper, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return {"median": middle, "q1": lower, "q3": upper, "min": low, "max": high, "draws": len(values)}
