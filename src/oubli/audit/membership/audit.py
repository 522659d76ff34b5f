"""An audit of whose labels a model that was made to forget some still tells of."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from oubli.audit.forgetting.audit import ForgettingAudit
from oubli.audit.forgetting.control import Game
from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Kind, Method
from oubli.audit.forgetting.outcome import forget
from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.forgetting.standing import standing_record, standings
from oubli.audit.forgetting.summary import FLOOR, mean_curves, plain_rows, summarise
from oubli.audit.journal import Record
from oubli.audit.membership.attack import Attack
from oubli.audit.membership.attacks import ALL, build_attacks
from oubli.audit.membership.judgement import COMPARISONS, judge
from oubli.audit.membership.shadows import ShadowModels, check_shadows
from oubli.audit.membership.transcript import Secret, Transcript
from oubli.audit.membership.wording import METRICS, threat_model
from oubli.audit.membership.world import World, check_world, draw_world, group_sizes
from oubli.graph import Graph

FORMAT = "oubli.audit.membership/1"


class MembershipAudit(ForgettingAudit):
    """Whose labels took part in training, as attackers tell from the answers of a model that unlearned some.

    Parameters
    ----------
    graph : Graph
        With labels; its own splits are not used, every seed draws new ones.
    methods : sequence of str
        As `parse_method` reads them, for removals of labels.
    attacks : sequence of str or Attack, default ("all",)
        Names of `ATTACKS`, or attacks; the nulls are added.
    seeds : int, default 10
        How often memberships, shadow models and models are drawn anew; intervals are over seeds.
    data : str, default "graph"
        Name of the graph, for the record.
    first_seed : int, default 0
    ratio : float, default 0.1
        Share of the training labels that are unlearned.
    shadows : int, default 16
        Models that the attacker trains for each seed and family of methods, an even number.
    draws : int, default 40
        Of each world of the matched control, as `ForgettingAudit` says.

    Raises
    ------
    InputError
        When a parameter or the graph does not allow it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from oubli.audit.membership.audit import MembershipAudit
    >>> from oubli.graph import generate_graph
    >>> audit = MembershipAudit(generate_graph(300, seed=1), ["exact"], ["calibrated-loss"], seeds=2, shadows=4)
    >>> with TemporaryDirectory() as folder:
    ...     results = audit.run(folder)
    >>> results["methods"][0]["bytes_equal"], {line["gain"] for line in results["summary"]}
    (2, {0.0})
    """

    format = FORMAT
    kind: ClassVar[Kind | None] = "labels"
    plays = True

    def __init__(
        self,
        graph: Graph,
        methods: Sequence[str],
        attacks: Sequence[str | Attack] = (ALL,),
        seeds: int = 10,
        data: str = "graph",
        first_seed: int = 0,
        ratio: float = 0.1,
        shadows: int = 16,
        draws: int = 40,
    ) -> None:
        super().__init__(graph, methods, seeds, data, first_seed, draws)
        check_world(graph, ratio)
        check_shadows(shadows)
        self.ratio, self.shadows = float(ratio), shadows
        self.attacks = build_attacks(attacks)
        self.sizes = group_sizes(graph, self.ratio)
        self._families, self._shadow_models = Families(), ShadowModels(shadows)

    def own_settings(self) -> dict[str, Any]:
        """Return ratio, number of shadow models, sizes of the graph and of the groups, and the attacks."""
        return {
            "ratio": self.ratio,
            "shadows": self.shadows,
            "nodes": self.graph.num_nodes,
            "edges": self.graph.num_edges,
            **self.sizes,
            "attacks": list(self.attacks),
        }

    def game(self) -> Game:
        """Return the removal under the first seed."""
        world = draw_world(self.graph, self.ratio, self.first_seed)
        return Game(world.graph, world.removal, np.array(world.removal.labels))

    def attempt(self, seed: int, method: Method) -> Record:
        """Audit one method under one seed."""
        started = time.perf_counter()
        world = draw_world(self.graph, self.ratio, seed)
        classes = world.graph.classes
        outcome = forget(self._families, method, seed, "victim", world.graph, world.removal, world.remaining, classes)
        seen = Transcript(
            features=world.graph.features,
            edges=world.graph.adjacency.edges(),
            posteriors=outcome.after,
            candidates=world.candidates,
            classes=world.classes,
            shadows=self._shadow_models.answers(method, seed, world),
            before=outcome.before,
        )
        own = self._judged(seen, world, seed)
        floor = self._judged(dataclasses.replace(seen, posteriors=outcome.retrained), world, seed)
        rows = [
            {"attack": name, **own[name], **{FLOOR + metric: value for metric, value in floor[name].items()}}
            for name in self.attacks
        ]
        return {"standing": standing_record(outcome), "rows": rows, "seconds": time.perf_counter() - started}

    def threat_model(self) -> str:
        """Say in words who attacks, what they see and what they do not."""
        return threat_model(self.sizes)

    def results(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return methods, attacks, metrics, summary, curves and rows."""
        kinds = {name: attack.kind for name, attack in self.attacks.items()}
        described = ("name", "describe", "kind", "source", "needs_before")
        return {
            "methods": standings(self.methods, records),
            "attacks": [{part: getattr(attack, part) for part in described} for attack in self.attacks.values()],
            "metrics": list(METRICS),
            "summary": summarise(records, [metric["name"] for metric in METRICS], kinds),
            "curves": mean_curves(records, list(COMPARISONS), kinds),
            "rows": plain_rows(records),
        }

    def _judged(self, transcript: Transcript, world: World, seed: int) -> dict[str, dict[str, Any]]:
        """Return the figures of every attack on one victim."""
        secret = Secret(world.groups)
        return {
            name: judge(name, attack.score(transcript, derived_seed(seed, "attack", name)), secret)
            for name, attack in self.attacks.items()
        }
