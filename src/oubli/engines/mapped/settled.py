"""Stores of saved models: as a manifest describes them, and brought back to that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oubli.engines.mapped.store import JOURNAL, Store, sweep
from oubli.errors import InputError
from oubli.graph.disk.journal import journal_state, undo


def recover(folder: Path, files: dict[str, str], state: str) -> None:
    """Bring a store to the state that its manifest names, whatever a command that was killed left behind.

    Raises
    ------
    InputError
        When the journal is damaged.
    """
    journal = folder / JOURNAL
    # Of another state, the change was settled, and only the journal was still there.
    if journal.exists() and journal_state(journal) == state:
        undo(journal, Store(folder, files).arrays)
    sweep(folder, set(files.values()))


def needs_recovery(folder: Path) -> bool:
    """Tell whether a change was under way when a store was last written."""
    return (folder / JOURNAL).exists()


def described(folder: Path, store: Store) -> dict[str, dict[str, Any]]:
    """Return what the manifest of a model says of the files of a store, or of its copy in another folder."""
    return {
        name: {
            "file": file,
            "bytes": (folder / file).stat().st_size,
            "dtype": store.arrays[name].dtype.str,
            "shape": list(store.arrays[name].shape),
        }
        for name, file in store.files.items()
    }


def open_files(folder: Path, files: dict[str, dict[str, Any]]) -> Store:
    """Open a store whose files are as its manifest describes them.

    Raises
    ------
    InputError
        When one is missing, of another size, or holds another kind of array.
    """
    for name, entry in files.items():
        file = folder / entry["file"]
        size = file.stat().st_size if file.is_file() else None
        if size != entry["bytes"]:
            told = "is missing" if size is None else f"has {size:,} bytes instead of {entry['bytes']:,}"
            raise _changed(file, name, told)
    store = Store(folder, {name: entry["file"] for name, entry in files.items()})
    for name, array in store.arrays.items():
        if [array.dtype.str, list(array.shape)] != [files[name]["dtype"], files[name]["shape"]]:
            raise _changed(folder / files[name]["file"], name, f"holds {array.dtype} of shape {array.shape}")
    return store


def _changed(file: Path, name: str, told: str) -> InputError:
    return InputError(f"{file} ({name}): {told}: damaged or changed; restore it from a backup or fit again")
