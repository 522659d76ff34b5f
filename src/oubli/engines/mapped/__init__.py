"""Models in mapped files."""

from oubli.engines.mapped.engine import MappedEngine, in_memory
from oubli.engines.mapped.settled import described, needs_recovery, open_files, recover
from oubli.engines.mapped.store import Store

__all__ = ["MappedEngine", "Store", "described", "in_memory", "needs_recovery", "open_files", "recover"]
