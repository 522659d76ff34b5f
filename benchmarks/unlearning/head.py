"""The share of a call that solves the head: what is left is the forgetting itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.timing import Samples
from oubli.models import NodeClassifier


@contextmanager
def watched(model: NodeClassifier) -> Iterator[list[float]]:
    """Within, have every solve of the model's head add its CPU seconds to the list."""
    solve, seconds = model._solve, []

    def timed(*arguments: Any) -> None:
        started = time.process_time()
        solve(*arguments)
        seconds.append(time.process_time() - started)

    model._solve = timed
    try:
        yield seconds
    finally:
        del model._solve


class HeadSamples(Samples):
    """Times of calls, and of the solve of the head within each."""

    def __init__(self) -> None:
        super().__init__()
        self.head: list[float] = []

    def time_with(self, model: NodeClassifier, call: Any) -> Any:
        """Make a call that solves the model's head, and add its times."""
        with watched(model) as seconds:
            result = self.time(call)
        self.head.append(sum(seconds))
        return result

    @property
    def rest(self) -> list[float]:
        """CPU seconds of the calls without the solves."""
        return [whole - head for whole, head in zip(self.cpu, self.head, strict=True)]
