"""Flower: what a curious server sees of each client, and what a client can do about it (needs flwr and torch)."""

try:
    import flwr.serverapp.strategy  # noqa: F401
except ImportError:
    raise ImportError('oubli.federated needs Flower 1.22 or newer: pip install "oubli[flower]"') from None

from oubli.federated.mods import defence_mod, self_audit_mod
from oubli.federated.results import federation_results
from oubli.federated.simulation import Outcome, simulate
from oubli.federated.strategy import AuditStrategy, GradientObserver
from oubli.federated.update import Observation, UpdateAudit

__all__ = [
    "AuditStrategy",
    "GradientObserver",
    "Observation",
    "Outcome",
    "UpdateAudit",
    "defence_mod",
    "federation_results",
    "self_audit_mod",
    "simulate",
]
