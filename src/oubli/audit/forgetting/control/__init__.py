"""The matched control: a world that never had the data, one that had it and unlearned it, and who can tell."""

from oubli.audit.forgetting.control.distinguish import FEWEST_DRAWS, Distinguished, distinguish, lower_epsilon
from oubli.audit.forgetting.control.game import Game, play

__all__ = ["FEWEST_DRAWS", "Distinguished", "Game", "distinguish", "lower_epsilon", "play"]
