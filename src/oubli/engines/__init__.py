"""Where a model's rows and sums are: in memory, in mapped files, or on the workers of a Dask cluster."""

from oubli.engines.base import Account, Engine, Recipe
from oubli.engines.memory import MemoryEngine

__all__ = ["Account", "Engine", "MemoryEngine", "Recipe"]
