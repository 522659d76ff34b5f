"""An audit of what a model that was made to forget edges still tells about them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from oubli.audit.forgetting.audit import ForgettingAudit
from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Kind, Method
from oubli.audit.forgetting.standing import standings
from oubli.audit.forgetting.summary import mean_curves, plain_rows, summarise
from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.attacks import NULLS, build_attack, build_attacks
from oubli.audit.inversion.halves import HALVINGS, Halving
from oubli.audit.inversion.trial import CURVES, Trial
from oubli.audit.inversion.wording import METRICS, THREAT_MODEL
from oubli.audit.inversion.world import draw_world
from oubli.audit.journal import Record
from oubli.errors import InputError
from oubli.graph import Graph

FORMAT = "oubli.audit.inversion/1"
MOST_RATIO = 0.25
BLIND = "-blind"
"""How the names of nulls end that are an attack without answers."""


class InversionAudit(ForgettingAudit):
    """Which edges a model was made to forget, as attackers tell from its answers, beside a model that never had them.

    Parameters
    ----------
    graph : Graph
        With features and labels; its own splits are not used, halves get new ones.
    methods : sequence of str
        As `parse_method` reads them.
    attacks : sequence of str or Attack, default ("all",)
        Names of `ATTACKS`, or attacks; the nulls that belong to them are added.
    seeds : int, default 10
        How often halves, splits, removed edges and models are drawn anew; intervals are over seeds.
    data : str, default "graph"
        Name of the graph, for the record.
    first_seed : int, default 0
    ratio : float, default 0.05
        Share of a half's edges that is removed; as many are never learned, and as many hidden from the attacker.
    halves : {"metis", "random"}, default "metis"
        How the graph is cut in two.
    draws : int, default 0
        How many draws of each world a control by randomness has; 0 for none.

    Raises
    ------
    InputError
        When a parameter does not allow it.
    ImportError
        When an attack needs what is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from oubli.audit.inversion.audit import InversionAudit
    >>> from oubli.graph import generate_graph
    >>> audit = InversionAudit(generate_graph(300, seed=1), ["exact"], ["posterior-cosine"], seeds=2)
    >>> with TemporaryDirectory() as folder:
    ...     results = audit.run(folder)
    >>> results["methods"][0]["bytes_equal"], {line["gain"] for line in results["summary"]}
    (2, {0.0})
    """

    format = FORMAT
    kind: ClassVar[Kind] = "edges"

    def __init__(
        self,
        graph: Graph,
        methods: Sequence[str],
        attacks: Sequence[str | Attack] = ("all",),
        seeds: int = 10,
        data: str = "graph",
        first_seed: int = 0,
        ratio: float = 0.05,
        halves: Halving = "metis",
        draws: int = 0,
    ) -> None:
        super().__init__(graph, methods, seeds, data, first_seed)
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= MOST_RATIO:
            raise InputError(f"ratio: expected a number above 0 and at most {MOST_RATIO}, got {ratio!r}")
        if halves not in HALVINGS:
            raise InputError(f"halves: {halves!r} is not supported; supported: {', '.join(HALVINGS)}")
        if not isinstance(draws, int) or isinstance(draws, bool) or draws < 0:
            raise InputError(f"draws: expected an integer of at least 0, got {draws!r}")
        self.ratio, self.halves, self.draws = float(ratio), halves, draws
        self.attacks = _with_nulls(attacks)
        self._families = Families()
        self._trial: Trial | None = None

    def own_settings(self) -> dict[str, Any]:
        """Return ratio, halves, draws, the size of the graph, and the attacks."""
        return {
            "ratio": self.ratio,
            "halves": self.halves,
            "draws": self.draws,
            "nodes": self.graph.num_nodes,
            "edges": self.graph.num_edges,
            "attacks": list(self.attacks),
        }

    def attempt(self, seed: int, method: Method) -> Record:
        """Audit one method under one seed."""
        started = time.perf_counter()
        if self._trial is None or self._trial.world.seed != seed:
            world = draw_world(self.graph, seed, self.ratio, self.halves)
            self._trial = Trial(world, self.attacks, self._families)
        judged = self._trial.judge(method)
        return {**judged, "seconds": time.perf_counter() - started}

    def threat_model(self) -> str:
        """Say in words who attacks, what they see and what they do not."""
        return THREAT_MODEL

    def results(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return methods, attacks, metrics, summary, curves, control and rows."""
        kinds = {name: attack.kind for name, attack in self.attacks.items()}
        described = ("name", "describe", "kind", "source", "needs_before")
        return {
            "methods": standings(self.methods, records),
            "attacks": [{part: getattr(attack, part) for part in described} for attack in self.attacks.values()],
            "metrics": list(METRICS),
            "summary": summarise(records, [metric["name"] for metric in METRICS], kinds),
            "curves": mean_curves(records, CURVES, kinds),
            "control": [],
            "rows": plain_rows(records),
        }


def _with_nulls(given: Sequence[str | Attack]) -> dict[str, Attack]:
    """Return attacks by name, and behind them the nulls: those of all, and those without answers of what is given."""
    built = build_attacks(given)
    if not built:
        raise InputError("attacks: name at least one")
    found = {name: attack for name, attack in built.items() if attack.kind == "attack"}
    for name in NULLS:
        if not name.endswith(BLIND) or name in built or name.removesuffix(BLIND) in built:
            found[name] = built.get(name) or build_attack(name)
    return found | {name: attack for name, attack in built.items() if name not in found}
