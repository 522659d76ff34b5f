"""Edge lists in Parquet, read by batches of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.columns import Columns, damaged_parquet, open_parquet
from oubli.graph.importing.sources.block import Block, Place, Source, file_fingerprint
from oubli.graph.tables import as_integers, choose_ends, refuse_unfit


class ParquetSource(Source):
    """An edge list in a Parquet file.

    Parameters
    ----------
    path : Path
    rows : int
        Rows that are read at a time.
    """

    named = True

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.name, self.rows = path, str(path), rows
        file = open_parquet(path)
        names = file.schema_arrow.names
        ends = choose_ends([name.strip().lower() for name in names], self.name)[0]
        self.columns = [names[at] for at in ends]
        self.total = self.most = file.metadata.num_rows
        self.bytes = path.stat().st_size

    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the file is recognised."""
        return file_fingerprint(self.path)

    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them."""
        file = open_parquet(self.path)
        import pyarrow

        behind, first = (after or {"row": 0})["row"], 0
        try:
            for group in range(file.metadata.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                if first + size > behind:
                    for batch in file.iter_batches(self.rows, [group], self.columns, use_threads=False):
                        skipped = min(max(0, behind - first), batch.num_rows)
                        first += batch.num_rows
                        if skipped < batch.num_rows:
                            yield self._block(pyarrow, batch.slice(skipped), first)
                else:
                    first += size
        except (pyarrow.ArrowException, OSError) as error:
            raise damaged_parquet(self.path, error) from None

    def _block(self, pyarrow: Any, batch: Any, end: int) -> Block:
        numbers = range(end - batch.num_rows + 1, end + 1)
        return Block(self._pairs(pyarrow, batch, numbers), self, numbers, {"row": end}, end)

    def _pairs(self, pyarrow: Any, batch: Any, numbers: range) -> NDArray[Any]:
        ends = [batch.column(batch.schema.get_field_index(name)) for name in self.columns]
        plain = (pyarrow.types.is_integer(end.type) and end.type != pyarrow.uint64() for end in ends)
        if all(plain) and not any(end.null_count for end in ends):
            return np.column_stack([end.to_numpy().astype(np.int64, copy=False) for end in ends])
        listed = [end.to_pylist() for end in ends]
        for column in listed:
            refuse_unfit(Columns(self.path, "row", numbers, {}, np.empty((0, 0))), column)
        integers = [found for column in listed if (found := as_integers(column)) is not None]
        if len(integers) == len(listed):
            return np.column_stack(integers)
        return np.array([[str(value) for value in column] for column in listed], dtype=object).T
