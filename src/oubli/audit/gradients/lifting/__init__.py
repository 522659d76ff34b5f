"""Profile lifting: exact graphs from one gradient, by counting what its nodes look like."""

from oubli.audit.gradients.lifting.lifting import ProfileLifting
from oubli.audit.gradients.lifting.profiles import node_profiles, profile_histogram, profile_overlap

__all__ = ["ProfileLifting", "node_profiles", "profile_histogram", "profile_overlap"]
