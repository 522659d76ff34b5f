"""Node features, dense or sparse, from which rows can be wiped."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from oubli.errors import InputError


class FeatureTable:
    """Float32 rows, one a slot: a C-contiguous array, or compressed sparse rows.

    Attributes
    ----------
    dense : ndarray of float32, shape (n, d), or None
    indptr, indices, values : ndarrays of int64, int32 and float32, or None
        The sparse form.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dense: NDArray[np.float32] | None = None,
        sparse: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]] | None = None,
    ) -> None:
        self.shape = shape
        self.dense = dense
        parts: tuple[Any, Any, Any] = sparse if sparse is not None else (None, None, None)
        self.indptr, self.indices, self.values = parts

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are stored sparse."""
        return self.dense is None

    @classmethod
    def from_input(cls, features: Any, order: NDArray[np.int64]) -> FeatureTable:
        """Take rows in the order given by `order`.

        Raises
        ------
        InputError
            When the shape is wrong, a value is not finite in float32, or an entry of a sparse matrix is given twice.
        """
        if sp.issparse(features):
            _check_shape(features.shape, order.size)
            if features.dtype.kind not in "fiub":
                raise InputError(f"features: expected numbers, got an array of {features.dtype}")
            # Blocks and coordinates add up what is given twice as they become rows, so entries are counted before.
            given = sp.coo_array(features) if features.format in ("coo", "bsr") else sp.csr_array(features)
            matrix = sp.csr_array(given)[order]
            matrix.sum_duplicates()
            if matrix.nnz != given.nnz:
                raise _repeated_entry(given)
            # To float32 before zeros are dropped: a value too small for float32 is a zero too.
            with np.errstate(over="ignore", under="ignore"):
                matrix = matrix.astype(np.float32)
            _check_finite_sparse(matrix, order)
            matrix.eliminate_zeros()
            matrix.sort_indices()
            triple = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)
            return cls(matrix.shape, sparse=triple)
        try:
            array = np.asarray(features)
        except ValueError:
            raise InputError("features: rows differ in length; give one row a node, all of one length") from None
        if array.dtype.kind not in "fiub":
            raise InputError(f"features: expected numbers, got an array of {array.dtype}")
        _check_shape(array.shape, order.size)
        with np.errstate(over="ignore"):
            identity = np.array_equal(order, np.arange(order.size))
            dense = np.array(array if identity else array[order], dtype=np.float32, order="C")
        _check_finite_dense(dense, order)
        return cls((int(array.shape[0]), int(array.shape[1])), dense=dense)

    def copy(self) -> FeatureTable:
        """Return an independent copy."""
        if self.dense is not None:
            return FeatureTable(self.shape, dense=self.dense.copy())
        return FeatureTable(self.shape, sparse=(self.indptr.copy(), self.indices.copy(), self.values.copy()))

    def wipe(self, slots: NDArray[np.int64]) -> None:
        """Set rows to zero, overwriting what they held."""
        if self.dense is not None:
            self.dense[slots] = 0
            return
        for s in slots.tolist():
            self.values[self.indptr[s] : self.indptr[s + 1]] = 0
            self.indices[self.indptr[s] : self.indptr[s + 1]] = 0

    def is_zero(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each slot whether its row is all zero."""
        if self.dense is not None:
            return np.asarray(~self.dense[slots].any(axis=1))
        bounds = zip(self.indptr[slots].tolist(), self.indptr[slots + 1].tolist(), strict=True)
        return np.array([not self.values[a:b].any() for a, b in bounds], dtype=bool)

    def take(self, slots: NDArray[np.int64]) -> FeatureTable:
        """Return the rows of `slots` as a table of their own, without explicit zeros."""
        shape = (int(slots.size), self.shape[1])
        if self.dense is not None:
            return FeatureTable(shape, dense=self.dense[slots])
        matrix = self.to_scipy()[slots]
        matrix.eliminate_zeros()
        triple = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))
        return FeatureTable(shape, sparse=triple)

    def to_scipy(self) -> Any:
        """Return the sparse rows as a SciPy CSR array (wiped rows may hold explicit zeros)."""
        return sp.csr_array((self.values, self.indices, self.indptr), shape=self.shape)

    def to_dense(self) -> NDArray[np.float32]:
        """Return all rows as one dense array."""
        return self.dense.copy() if self.dense is not None else np.asarray(self.to_scipy().toarray(), np.float32)


def _check_shape(shape: tuple[int, ...], num_nodes: int) -> None:
    if len(shape) != 2:
        raise InputError(f"features: expected shape (nodes, features), got {shape}")
    if shape[0] != num_nodes:
        raise InputError(
            f"features: {shape[0]} rows for {num_nodes} nodes; give one row a node, in the order of node_ids"
        )


def _repeated_entry(matrix: Any) -> InputError:
    given = matrix.tocoo()
    keys = np.sort(given.row.astype(np.int64) * given.shape[1] + given.col)
    row, column = divmod(int(keys[1:][keys[1:] == keys[:-1]][0]), given.shape[1])
    return InputError(
        f"features: row {row}, column {column} is given more than once, and the sum depends on the order of the "
        "entries; add them up first (matrix.sum_duplicates())"
    )


def _check_finite_dense(dense: NDArray[np.float32], order: NDArray[np.int64]) -> None:
    bad = ~np.isfinite(dense)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"features: row {int(order[row])}, column {column} is NaN, infinite, or beyond float32; "
            "replace it (for instance by 0) before making the graph"
        )


def _check_finite_sparse(matrix: Any, order: NDArray[np.int64]) -> None:
    bad = np.flatnonzero(~np.isfinite(matrix.data))
    if bad.size:
        row = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
        raise InputError(
            f"features: row {int(order[row])}, column {int(matrix.indices[bad[0]])} is NaN, infinite, or beyond "
            "float32; replace it (for instance by 0) before making the graph"
        )
