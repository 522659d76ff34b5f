"""Several candidates, one kept: by validation, and by how alike linked training nodes are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Level
from oubli.models.base import NodeClassifier
from oubli.models.correct_and_smooth import CorrectAndSmooth
from oubli.models.homophily import HomophilyCounters
from oubli.models.lcf import LCFNet
from oubli.models.parameters import check_choice, check_integer, numbers
from oubli.models.random_feature import RandomFeatureNet
from oubli.models.scoring import METRICS
from oubli.models.sgc import SGCRidge
from oubli.models.within import check_inner, inner_arrays, restore_inner, unfitted

Side = Literal["assortative", "heterophilous"]
SIDES: tuple[Side, Side] = ("assortative", "heterophilous")

CORRECTION = (0.0, 0.5, 0.8, 0.95)
SMOOTHING = (0.0, 0.3, 0.5, 0.8)


class RoutedClassifier(NodeClassifier):
    """The best of several classifiers: some for graphs whose edges join like nodes, some for others.

    Parameters
    ----------
    assortative : NodeClassifier or sequence of them, optional
        Without it `SGCRidge` on the embeddings of three hops, corrected and smoothed.
    heterophilous : NodeClassifier or sequence of them, optional
        Without it `RandomFeatureNet`, which forgets locally, and `LCFNet`, corrected and smoothed. All defaults choose
        among a few settings.
    router : {"validation", "homophily"}, default "validation"
        "validation": all are fitted, and the one that scores best on the validation nodes is kept, the first of equals,
        assortative ones first. "homophily": the assortative side is taken if the adjusted homophily of the edges
        between training nodes reaches `threshold`, or there are too few of them to tell; else the other. Several
        candidates of that side are compared by validation.
    threshold : float, default 0.35
    minimum_edges : int, default 100
        How many edges between training nodes "homophily" needs.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"
        What candidates are compared by, and what the default ones choose by.

    Attributes
    ----------
    model_ : NodeClassifier
        The candidate that was kept.
    route_ : str
        Its name: "assortative" or "heterophilous", followed by its number, from 1, where that side has several.
    candidates_ : dict
        All candidates by name, unfitted.
    homophily_ : float or None
        Adjusted homophily; None where no two classes have an edge.
    validation_scores_ : dict or None
        The scores of the candidates by name, where they were compared on the present data.
    classes_, graph_, choices_
        As for every classifier.

    Notes
    -----
    "homophily" is the rule of arXiv 2605.25662; real graphs often disagree with it. At level "reselected" a removal
    routes again: the candidate in place forgets, unless homophily leads to the other side, and those that it is
    compared with are fitted anew. One candidate a side and "homophily", or level "frozen", spare that.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.graph import generate_graph
    >>> from oubli.models import RoutedClassifier, SGCRidge
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> estimator = RoutedClassifier(assortative=SGCRidge(hops=3), heterophilous=SGCRidge(hops=1))
    >>> model = estimator.fit(graph)
    >>> model.route_, round(model.homophily_, 2)
    ('assortative', 0.72)
    >>> model.unlearn(Removal(nodes=[5, 8])).choices["route"]
    'assortative'
    """

    validation_scores_: dict[str, float] | None

    def __init__(
        self,
        *,
        assortative: NodeClassifier | Sequence[NodeClassifier] | None = None,
        heterophilous: NodeClassifier | Sequence[NodeClassifier] | None = None,
        router: Literal["validation", "homophily"] = "validation",
        threshold: float = 0.35,
        minimum_edges: int = 100,
        scoring: str = "accuracy",
    ) -> None:
        self.assortative = assortative
        self.heterophilous = heterophilous
        self.router = router
        self.threshold = threshold
        self.minimum_edges = minimum_edges
        self.scoring = scoring

    @property
    def route_(self) -> str:
        """Which candidate was kept."""
        self._check_fitted()
        return self._route

    @property
    def homophily_(self) -> float | None:
        """Adjusted homophily of the edges between training nodes."""
        self._check_fitted()
        return self._counters.adjusted

    def _check_parameters(self) -> None:
        check_choice(self.router, "router", ("validation", "homophily"))
        check_choice(self.scoring, "scoring", METRICS)
        if not -1 <= numbers([self.threshold], "threshold")[0] <= 1:
            raise InputError(f"threshold: expected a number from -1 to 1, got {self.threshold!r}")
        check_integer(self.minimum_edges, "minimum_edges", 0, 2**40)
        for side in SIDES:
            for given in self._given(side) or []:
                check_inner(given, side)
            if self._given(side) == []:
                raise InputError(f"{side}: the sequence is empty; give at least one node classifier")
        # Of all, whichever are fitted now: a removal may change the route.
        for candidate in self.candidates_.values():
            candidate._check_parameters()

    def _check_classes(self, codes: Callable[[], NDArray[np.int32]], outcome: str = "") -> None:
        for candidate in self.candidates_.values():
            candidate._check_classes(codes, outcome)

    def _given(self, side: Side) -> list[Any] | None:
        given = getattr(self, side)
        return given if given is None else list(given) if isinstance(given, list | tuple) else [given]

    @property
    def candidates_(self) -> dict[str, NodeClassifier]:
        """All candidates by name, unfitted."""
        named = {}
        for side in SIDES:
            several = self._given(side) or self._defaults(side)
            for number, candidate in enumerate(several, 1):
                named[side if len(several) == 1 else f"{side} {number}"] = candidate
        return named

    def _defaults(self, side: Side) -> list[NodeClassifier]:
        if side == "assortative":
            base = SGCRidge(hops=3, representation="concat", alpha=(0.01, 0.1, 1.0, 10.0), scoring=self.scoring)
            return [self._smoothed(base)]
        net = LCFNet(layers=2, bandwidth=(0.1, 0.3, 1.0), alpha=(0.1, 0.3, 1.0), scoring=self.scoring)
        return [RandomFeatureNet(alpha=(30.0, 100.0, 300.0, 1000.0), scoring=self.scoring), self._smoothed(net)]

    def _smoothed(self, base: NodeClassifier) -> NodeClassifier:
        return CorrectAndSmooth(base, correction=CORRECTION, smoothing=SMOOTHING, scoring=self.scoring)

    def _has_choices(self) -> bool:
        return True

    def _selection_metrics(self) -> set[str]:
        candidates = self.candidates_
        metrics = {metric for candidate in candidates.values() for metric in candidate._selection_metrics()}
        return metrics | ({self.scoring} if self.router == "validation" or len(candidates) > len(SIDES) else set())

    def _check_choosable(self, plan: RemovalPlan) -> None:
        # Only these will choose, and be chosen from.
        rivals = self._rivals(self._present_counters().after(self.graph_, plan))
        for name in rivals:
            unfitted(self.candidates_[name], self.graph_)._check_choosable(plan)
        if len(rivals) > 1:
            self._check_validation(plan, {self.scoring})

    def _present_counters(self) -> HomophilyCounters:
        # An unfitted router within another is asked as well.
        return self._counters if hasattr(self, "_counters") else HomophilyCounters.from_graph(self.graph_)

    @property
    def _route(self) -> str:
        route: str = self.choices_["route"]
        return route

    def _rivals(self, counters: HomophilyCounters) -> list[str]:
        """Return the names of the candidates among which validation decides, one if it need not."""
        names = list(self.candidates_)
        if self.router == "validation":
            return names
        adjusted = counters.adjusted
        unlike = adjusted is not None and adjusted < self.threshold and counters.num_edges >= self.minimum_edges
        return [name for name in names if name.startswith("heterophilous" if unlike else "assortative")]

    def _fit(self, choices: dict[str, Any] | None) -> None:
        if choices is not None:
            self._keep(choices["route"], self._fitted(choices["route"], self.graph_, choices["model"]))
            return
        rivals = self._rivals(HomophilyCounters.from_graph(self.graph_))
        if len(rivals) > 1 and self.graph_.split_slots("val").size == 0:
            raise InputError(
                "router: there are no validation nodes to compare the candidates by; give a graph with val=, "
                'or router="homophily" with one candidate a side, that has nothing to choose'
            )
        self._keep_best({name: self._fitted(name, self.graph_) for name in rivals})

    def _fitted(self, name: str, graph: Graph, choices: dict[str, Any] | None = None) -> NodeClassifier:
        return unfitted(self.candidates_[name]).fit_with(graph, choices)

    def _refitted(self, name: str) -> NodeClassifier:
        # In the middle of a removal, which a warning made an error must not stop; the fit has given it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._fitted(name, self.graph_)

    def _keep_best(self, fitted: Mapping[str, NodeClassifier]) -> None:
        scores = None
        best = next(iter(fitted))
        if len(fitted) > 1:
            scores = {
                name: model._score_slots(model.graph_.split_slots("val"), self.scoring)
                for name, model in fitted.items()
            }
            best = max(scores, key=scores.__getitem__)  # the first of equals
        self._keep(best, fitted[best], scores)

    def _keep(self, route: str, model: NodeClassifier, scores: dict[str, float] | None = None) -> None:
        if model.graph_ is not self.graph_:
            # A copy, in which labels may have other codes.
            self._counters = HomophilyCounters.from_graph(model.graph_)
        # One graph, not two: the model within shrinks its own, and this one looks at it.
        self.model_, self.graph_, self.classes_ = model, model.graph_, model.classes_
        self.choices_ = {"route": route, "model": model.choices_}
        self.validation_scores_ = scores

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        self._counters = self._counters.after(self.graph_, plan)
        former = self._route
        rivals = [former] if level == "frozen" else self._rivals(self._counters)
        if former not in rivals:
            self.graph_.apply(plan)
            self._keep_best({name: self._refitted(name) for name in rivals})
            return self._account_of_change()
        account = self.model_._forget(plan, level)
        self.model_.level_ = level
        self._keep(former, self.model_)
        self._keep_best({name: self.model_ if name == former else self._refitted(name) for name in rivals})
        if self._route != former:
            return self._account_of_change()
        compared = "; the other candidates fitted anew, to compare" if len(rivals) > 1 else ""
        return account | {"path": account["path"] + compared}

    def _account_of_change(self) -> dict[str, Any]:
        trained = int(np.count_nonzero(self.graph_.split_codes == 1))
        return {"rows_changed": trained, "reached": [], "path": f"fitted anew: the route is {self._route} now"}

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.model_._scores(slots)

    def weights_digest(self) -> str:
        """Return the SHA-256 of the route and the weights of the model kept."""
        return canonical_digest([("route", self._route), ("model", self.model_.weights_digest())])

    def _digest_parts(self) -> list[tuple[str, Any]]:
        used = np.flatnonzero(self._counters.degrees)
        return [
            ("route", self._route),
            ("edges of a class", self._counters.same),
            ("ends of edges", self._counters.degrees[used]),
            ("classes of ends", self.graph_.label_values[used]),
            *self.model_._digest_parts(),
        ]

    def _kept_description(self) -> dict[str, Any]:
        kept = self.describe()
        for side in SIDES:
            descriptions = [unfitted(given, self.graph_)._kept_description() for given in self._given(side) or []]
            if descriptions:
                single = isinstance(getattr(self, side), NodeClassifier)
                kept["params"][side] = descriptions[0] if single else descriptions
        return kept

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        arrays = inner_arrays("model", self.model_)
        if self.validation_scores_ is not None:
            arrays["validation_scores"] = np.array(list(self.validation_scores_.values()))
        return arrays

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._counters = HomophilyCounters.from_graph(self.graph_)
        scores = None
        if "validation_scores" in arrays:
            # Compared on the present data, so these were the rivals.
            scores = dict(zip(self._rivals(self._counters), arrays["validation_scores"].tolist(), strict=True))
        template = self.candidates_[self._route]
        self._keep(self._route, restore_inner("model", template, self, self.choices_["model"], arrays), scores)
