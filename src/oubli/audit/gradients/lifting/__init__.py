"""Profile lifting: exact graphs from one gradient."""

from oubli.audit.gradients.lifting.lifting import ProfileLifting

__all__ = ["ProfileLifting"]
