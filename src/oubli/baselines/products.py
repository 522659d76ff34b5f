"""Sparse matrices that networks multiply with: wide inputs, and messages over edges."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oubli.graph import Graph

DENSE_FROM = 0.1
"""Share of non-zeros from which a dense product is the quicker one."""


class SparseMatrix:
    """A constant matrix in compressed rows, with its transpose, by which gradients flow back.

    SciPy's products: on one thread they are as quick as torch's own or quicker, and several times as quick as gathering
    and scattering along edges.

    Parameters
    ----------
    rows : csr_array of float32
    columns : csr_array of float32, optional
        The transpose, if it is known.
    """

    def __init__(self, rows: Any, columns: Any = None) -> None:
        self.rows = rows
        self.columns = rows.T.tocsr() if columns is None else columns
        self._places: NDArray[np.int32] | None = None

    def times(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product with a dense matrix."""
        product: torch.Tensor = _Product.apply(self, dense)
        return product

    def transposed(self) -> SparseMatrix:
        """Return the transpose, which shares the arrays."""
        return SparseMatrix(self.columns, self.rows)

    def masked(self, factors: NDArray[np.float32]) -> SparseMatrix:
        """Return the matrix with each stored entry multiplied by its factor."""
        if self._places is None:
            numbered = sp.csr_array((np.arange(self.rows.nnz), self.rows.indices, self.rows.indptr), self.rows.shape)
            self._places = numbered.T.tocsr().data
        values = self.rows.data * factors
        return SparseMatrix(_with_values(self.rows, values), _with_values(self.columns, values[self._places]))


class _Product(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, matrix: SparseMatrix, dense: torch.Tensor) -> torch.Tensor:
        ctx.matrix = matrix
        return torch.from_numpy(matrix.rows @ dense.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor | None]:
        if not ctx.needs_input_grad[1]:
            return None, None
        # The function itself once more: a gradient of it can be differentiated again.
        return None, ctx.matrix.transposed().times(gradients[0])


Inputs: TypeAlias = torch.Tensor | SparseMatrix


def linear(inputs: Inputs, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return ``inputs @ weight.T + bias``, whatever the form of the inputs."""
    if isinstance(inputs, SparseMatrix):
        product = inputs.times(weight.t())
        return product if bias is None else product + bias
    return functional.linear(inputs, weight, bias)


def feature_inputs(graph: Graph, row_normalize: bool) -> Inputs:
    """Return the features by slot; sparse if they are given so and few, with rows of length 1 if asked for."""
    if graph.table.is_sparse:
        rows = graph.table.to_scipy()
        if row_normalize:
            lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), np.float64)).astype(np.float32)
            rows = sp.csr_array(sp.diags_array(1 / np.where(lengths > 0, lengths, 1), dtype=np.float32) @ rows)
        # 32-bit positions are half as much to read, and SciPy wants one width for both arrays.
        rows.indptr, rows.indices = rows.indptr.astype(np.int32), rows.indices.astype(np.int32)
        if rows.nnz < DENSE_FROM * rows.shape[0] * rows.shape[1]:
            return SparseMatrix(rows)
        return torch.from_numpy(rows.toarray())
    dense = torch.from_numpy(graph.table.to_dense())
    return functional.normalize(dense, dim=1) if row_normalize else dense


def adjacency_matrix(graph: Graph, loops: bool) -> Any:
    """Return the adjacency by slot as compressed rows of ones, with self-loops if asked for."""
    n = graph.num_nodes
    low, high = graph.adjacency.edges().astype(np.int32).T
    own = np.arange(n if loops else 0, dtype=np.int32)
    ends = np.concatenate([low, high, own]), np.concatenate([high, low, own])
    return sp.csr_array((np.ones(ends[0].size, np.float32), ends), shape=(n, n))


def symmetric_operator(graph: Graph) -> SparseMatrix:
    """Return the adjacency with self-loops, each entry over the root of the product of both degrees."""
    matrix = adjacency_matrix(graph, loops=True)
    scale = sp.diags_array(1 / np.sqrt(matrix.sum(axis=1)), dtype=np.float32)
    scaled = sp.csr_array(scale @ matrix @ scale)
    return SparseMatrix(scaled, scaled)


def mean_operator(graph: Graph) -> SparseMatrix:
    """Return the adjacency with each row divided by its degree; rows of lone nodes are zero."""
    matrix = adjacency_matrix(graph, loops=False)
    scale = sp.diags_array(1 / np.maximum(matrix.sum(axis=1), 1), dtype=np.float32)
    return SparseMatrix(sp.csr_array(scale @ matrix), sp.csr_array(matrix @ scale))


def _with_values(matrix: Any, values: NDArray[np.float32]) -> Any:
    return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)
