"""The attacker's own models: of the victim's kind, on labels that the attacker chose at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.forgetting.methods import Method
from oubli.audit.forgetting.outcome import posterior_columns
from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.membership.transcript import Shadows
from oubli.audit.membership.world import World
from oubli.errors import InputError

FEWEST, MOST = 4, 1024


def check_shadows(shadows: int) -> None:
    """Raise `InputError` for a number of models that cannot have every candidate in half of them."""
    if not isinstance(shadows, int) or isinstance(shadows, bool) or shadows % 2 or not FEWEST <= shadows <= MOST:
        raise InputError(f"shadows: expected an even integer from {FEWEST} to {MOST:,}, got {shadows!r}")


def draw_halves(candidates: int, shadows: int, seed: int) -> NDArray[np.bool_]:
    """Return who is in which model, shape (shadows, candidates): each candidate in half of them.

    It depends on nothing but these numbers, so on no membership of the victim's.
    """
    drawn = np.random.default_rng(derived_seed(seed, "shadow halves")).random((shadows, candidates))
    halves: NDArray[np.bool_] = drawn.argsort(axis=0).argsort(axis=0) < shadows // 2
    return halves


class ShadowModels:
    """What shadow models answer, trained once for all methods of a family; that of the last seed is kept.

    Parameters
    ----------
    shadows : int
        How many models.
    """

    def __init__(self, shadows: int) -> None:
        self.shadows = shadows
        self._seed: int | None = None
        self._trained: dict[str, Shadows] = {}

    def answers(self, method: Method, seed: int, world: World) -> Shadows:
        """Return them for a family and a seed; the world is the same whenever the seed is."""
        if seed != self._seed:
            self._seed, self._trained = seed, {}
        if method.family not in self._trained:
            self._trained[method.family] = self._train(method, seed, world)
        return self._trained[method.family]

    def _train(self, method: Method, seed: int, world: World) -> Shadows:
        members = draw_halves(world.candidates.size, self.shadows, seed)
        graph, ids = world.graph, world.graph.node_ids
        asked = ids[world.candidates]
        posteriors = np.empty((*members.shape, graph.classes.size))
        for number, chosen in enumerate(members):
            train = np.concatenate([ids[world.known], asked[chosen]])
            taught = graph.with_splits(train=train, val=graph.val_nodes, test=graph.test_nodes)
            model = method.make(derived_seed(seed, f"shadow {number}")).fit(taught)
            posteriors[number] = posterior_columns(model, graph.classes, asked)
        return Shadows(posteriors, members)
