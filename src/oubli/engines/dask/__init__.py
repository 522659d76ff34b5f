"""Shards of a graph on the workers of a Dask cluster, which exchange the rows that change and forget together."""

from oubli.engines.dask.engine import DaskEngine
from oubli.engines.dask.shards import Traffic

__all__ = ["DaskEngine", "Traffic"]
