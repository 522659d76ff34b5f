"""Where a model's rows and sums are: in memory, in mapped files, or on the workers of a Dask cluster."""

from oubli.engines.base import Account, Engine, Recipe
from oubli.engines.choice import ENGINES, choose_engine, restore_engine
from oubli.engines.mapped import MappedEngine, Store
from oubli.engines.memory import MemoryEngine

__all__ = [
    "ENGINES",
    "Account",
    "Engine",
    "MappedEngine",
    "MemoryEngine",
    "Recipe",
    "Store",
    "choose_engine",
    "restore_engine",
]
