"""What every attack on removed edges is."""

from __future__ import annotations

from oubli.audit.forgetting.attack import ForgettingAttack
from oubli.audit.inversion.transcript import Transcript


class Attack(ForgettingAttack[Transcript]):
    """A score for pairs of nodes: the higher, the likelier that there is, or was, an edge."""
