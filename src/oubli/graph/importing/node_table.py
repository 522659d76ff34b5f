"""A node table streamed to arrays in files, in the order of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError, InputError
from oubli.graph.columns import Columns, iter_columns
from oubli.graph.disk.folder import fill
from oubli.graph.durable import private
from oubli.graph.labels import SPLITS, encode_labels
from oubli.graph.tables import as_integers, choose_node_columns, read_labels, refuse_unfit, split_name

NAMES = {"id": "id", "label": "label", "split": "split"}

OVERHEAD = 100
"""Bytes that a string takes in memory beside its letters."""


class Texts:
    """Bytes that strings take in memory, which are counted so that they do not exceed what is given.

    Parameters
    ----------
    memory : int
    """

    def __init__(self, memory: int) -> None:
        self.memory, self.taken = memory, 0

    def count(self, text: str) -> None:
        """Count a string.

        Raises
        ------
        CapacityError
            When there is no more room.
        """
        self.taken += OVERHEAD + len(text)
        if self.taken > self.memory:
            raise CapacityError(
                f"node ids: strings take more than the {self.memory:,} bytes given; give more with --memory "
                "(memory=), or number the nodes, since integers need no room in memory"
            )


class NodeTable:
    """Takes the rows of a node table to files of a folder: ids, feature rows, label and split codes.

    Parameters
    ----------
    path : Path
    folder : Path
        Takes ids.npy, and where the table has such columns features.npy, label_codes.npy with label_values.npy, and
        split_codes.npy.
    memory : int
    """

    def __init__(self, path: Path, folder: Path, memory: int) -> None:
        self.path, self.folder, self.memory = path, folder, memory
        self.rows = 0
        self.width = 0
        self._roles: dict[str, int] = {}
        self._texts: list[str] | None = None
        self._room = Texts(memory)
        self._labels: dict[Any, int] = {}
        self._label_list: list[Any] = []

    def read(self) -> None:
        """Read the table.

        Raises
        ------
        InputError
            With the file and the line, as `read_tables` does.
        """
        names = ("ids", "features", "labels", "splits")
        self._files = {name: open(self._raw(name), "wb", opener=private) for name in names}  # noqa: SIM115 - closed below
        try:
            for batch in iter_columns(
                self.path,
                lambda found, where: choose_node_columns(found, where, NAMES, self._roles),
                [{name} for name in NAMES],
                comments=False,
                rows=max(16, min(1 << 16, self.memory // 4096)),
            ):
                self._take(batch)
        finally:
            for file in self._files.values():
                file.close()
        self._finish()

    def _raw(self, name: str) -> Path:
        return self.folder / f"table-{name}.bin"

    def _take(self, batch: Columns) -> None:
        self._take_ids(batch)
        self.width = batch.numbers.shape[1]
        self._files["features"].write(batch.numbers.astype(np.float32).tobytes())
        if "label" in self._roles:
            labels = [self._label(value) for value in batch.kept[self._roles["label"]]]
            self._files["labels"].write(np.array(labels, np.int32).tobytes())
        if "split" in self._roles:
            given = batch.kept[self._roles["split"]]
            names = [split_name(value, batch.where(row)) for row, value in enumerate(given)]
            codes = [SPLITS.index(name) + 1 if name else 0 for name in names]
            self._files["splits"].write(np.array(codes, np.uint8).tobytes())
        self.rows += len(batch.lines)

    def _take_ids(self, batch: Columns) -> None:
        ids = batch.kept[self._roles["id"]]
        refuse_unfit(batch, ids)
        integers = as_integers(ids) if self._texts is None else None
        if integers is not None:
            self._files["ids"].write(integers.tobytes())
            return
        if self._texts is None:
            # Those before were integers, and are names now.
            self._files["ids"].flush()
            self._texts = [str(number) for number in np.fromfile(self._raw("ids"), np.int64).tolist()]
            for text in self._texts:
                self._room.count(text)
        for value in ids:
            self._room.count(str(value))
            self._texts.append(str(value))

    def _label(self, value: Any) -> int:
        # NaN differs from itself, and would be a class of its own each time.
        value = None if value is None or value != value else value
        if value not in self._labels:
            self._labels[value] = len(self._labels)
        return self._labels[value]

    def _finish(self) -> None:
        ids = np.fromfile(self._raw("ids"), np.int64) if self._texts is None else np.array(self._texts, np.str_)
        self._refuse_repeated(ids)
        self._write("ids", ids)
        if self.width:
            self._write("features", _raw_map(self._raw("features"), np.float32, (self.rows, self.width)))
        codes = None
        if "label" in self._roles:
            found, values = encode_labels(read_labels(list(self._labels)), len(self._labels))
            codes = found[_raw_map(self._raw("labels"), np.int32, (self.rows,))]
            self._write("label_codes", codes)
            self._write("label_values", values)
        if "split" in self._roles:
            splits = _raw_map(self._raw("splits"), np.uint8, (self.rows,))
            bare = np.flatnonzero((splits > 0) if codes is None else (splits > 0) & (codes < 0))
            if bare.size:
                row = int(bare[0])
                raise InputError(
                    f"{self.path}: node {ids[row].item()!r} is in split {SPLITS[splits[row] - 1]} without a label; "
                    "give it one, or empty its split"
                )
            self._write("split_codes", splits)
        for name in ("ids", "features", "labels", "splits"):
            self._raw(name).unlink()

    def _refuse_repeated(self, ids: NDArray[Any]) -> None:
        order = np.argsort(ids, kind="stable")
        twice = np.flatnonzero(ids[order[1:]] == ids[order[:-1]])
        if twice.size:
            first, second = int(order[twice[0]]), int(order[twice[0] + 1])
            raise InputError(
                f"{self.path}: id {ids[second].item()!r} is given more than once, in rows {first + 1} and {second + 1} "
                "of the table; give every node one row"
            )

    def _write(self, name: str, array: NDArray[Any]) -> None:
        path = self.folder / f"{name}.npy"
        path.unlink(missing_ok=True)
        fill(path, array)


def _raw_map(path: Path, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.asarray(np.memmap(path, kind, "r", shape=shape)) if path.stat().st_size else np.empty(shape, kind)
