"""Model folders and output files, as commands meet them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oubli.cli.terminal import progress
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.models import NodeClassifier

model_argument = click.argument("model")


def open_model(path: str, engine: str | None = None, workers: int | str | None = None) -> NodeClassifier:
    """Load a model, every file of it checked, to be computed where `engine` says.

    Raises
    ------
    InputError
        When there is none, or it is damaged.
    """
    if Path(path).is_file():
        raise InputError(
            f"{path}: is a file, and a model is a folder; make one with `oubli fit DATA -o FOLDER`, or name its folder"
        )
    with progress(f"Reading {path}"):
        from oubli.models import load_model

        # Files of its own that a model needs go beside it, where there is room for the likes of them.
        scratch = None if engine is None and workers is None else Path(path).resolve().parent
        return load_model(path, engine=engine, scratch=scratch, workers=workers)


def folder_bytes(path: str | Path) -> int:
    """Return how many bytes the files of a folder hold."""
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def check_replaceable(path: Path, replace: bool) -> None:
    """Refuse to put a new model over one that has forgotten something, unless `replace` is given.

    The data may still hold what was forgotten, and fitting again would bring it back unnoticed.
    """
    import numpy as np

    from oubli.graph.state import LEDGER_HASHES
    from oubli.guarantees.folder import read_manifest

    if replace or not path.is_dir():
        return
    try:
        ledger = path / read_manifest(path)["state"] / f"graph.{LEDGER_HASHES}.npy"
        removals = np.load(ledger, allow_pickle=False).size
    except (InputError, OSError, ValueError):
        return
    if removals:
        raise InputError(
            f"{path}: the model there has forgotten {removals:,} things, which the data may still hold; delete them "
            "there first and pass --replace, or name another folder"
        )


@contextlib.contextmanager
def output_file(path: str, content: str, model: str) -> Iterator[None]:
    """Put `content` on the disk beside `path`, and give it its name only when the block ends well.

    Raises
    ------
    InputError
        When the file cannot be written, or would lie in the model's folder.
    CapacityError
        When the disk is full.
    """
    from oubli.graph.durable import flush_file, write_beside

    target = Path(path)
    if target.is_dir() or not target.name:
        raise InputError(f"{path}: is a folder; give the path of a file")
    if target.resolve().is_relative_to(Path(model).resolve()):
        raise InputError(f"{path}: lies in the folder of the model, which holds nothing else; give another place")
    with write_beside(target) as file:
        file.write(content.encode())
        # A full disk shows now, before anything else is changed.
        flush_file(file)
        yield
