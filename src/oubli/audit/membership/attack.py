"""What every attack on memberships is."""

from __future__ import annotations

from oubli.audit.forgetting.attack import ForgettingAttack
from oubli.audit.membership.transcript import Transcript


class Attack(ForgettingAttack[Transcript]):
    """A score for labelled nodes: the higher, the likelier that the label takes part in training, or took."""
