"""Models in mapped files."""

from oubli.engines.mapped.engine import MappedEngine, in_memory
from oubli.engines.mapped.store import Store, check_files, needs_recovery, recover

__all__ = ["MappedEngine", "Store", "check_files", "in_memory", "needs_recovery", "recover"]
