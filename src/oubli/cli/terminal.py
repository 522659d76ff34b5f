"""What commands say and show: one JSON object or plain lines on stdout, progress on stderr."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any, Self

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


DEAF = ("llvmlite.", "numba.core.serialize", "weakref")
"""Modules that C calls, where an exception is printed and forgotten, or becomes a SystemError."""


def say(as_json: bool, values: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Print `values` as JSON, or else the lines."""
    if as_json:
        click.echo(json.dumps(values, indent=2))
    else:
        for line in lines:
            click.echo(line)


def pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return rows of two columns as lines, the second column aligned."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{name:<{width}}  {text}" for name, text in listed]


@contextlib.contextmanager
def progress(text: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show on a terminal that something takes its time; yields what to call after each of `total` steps."""
    with progress_to(text, total) as reach:
        steps = itertools.count(1)
        yield lambda: reach(next(steps))


@contextlib.contextmanager
def progress_to(text: str, total: int | None = None, done: int = 0, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Show how far something is, in words with a `unit`; yields what to call with how many steps are done."""
    if not sys.stderr.isatty():
        yield lambda reached: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30)]
    if unit:
        of_all = "" if total is None else f" of {total:,}"
        columns.append(TextColumn(f"{{task.completed:,.0f}}{of_all} {unit}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total, completed=done)
        yield lambda reached: bar.update(task, completed=reached)


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings, those of oubli always, as plain lines on stderr, without their place in the code."""

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        click.echo(f"oubli: {' '.join(str(message).split())}", err=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning, module=r"oubli\.")
        warnings.showwarning = show
        yield


class Interrupts:
    """Lets an interrupt, and a termination as well, end a command in good order.

    Attributes
    ----------
    asked : bool
        Whether one came: whatever fails from then on does so because of it.
    """

    def __init__(self) -> None:
        self.asked = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            former = signal.getsignal(number)
            # Who ignores them, as a shell does for what runs in the background, goes on doing so.
            if former not in (signal.SIG_IGN, None):
                # Outside the main thread Python has no handlers: there an interrupt does not get here either.
                with contextlib.suppress(ValueError):
                    signal.signal(number, self._take)
                    self._former[number] = former
        return self

    def __exit__(self, *error: object) -> None:
        while self._former:
            signal.signal(*self._former.popitem())

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if not _is_deaf(frame):
            raise KeyboardInterrupt
        again = threading.Timer(0.01, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()


def _is_deaf(frame: FrameType | None) -> bool:
    """Tell whether what is raised here is lost, or comes out as something else: in code that C calls."""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(DEAF) or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


class StopSignals(Interrupts):
    """Turns the first interrupt or termination into a wish to stop; a second one acts as it did before."""

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.__exit__()
