"""What commands say and show: one JSON object or plain lines on stdout, progress on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


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
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings, those of oubli always, as plain lines on stderr, without their place in the code."""

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        click.echo(f"oubli: {' '.join(str(message).split())}", err=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning, module=r"oubli\.")
        warnings.showwarning = show
        yield
