"""Two candidates, one kept: by validation, or by how alike linked training nodes are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
from oubli.models.scoring import METRICS
from oubli.models.sgc import SGCRidge
from oubli.models.within import inner_arrays, restore_inner, unfitted

Route = Literal["assortative", "heterophilous"]
ROUTES: tuple[Route, Route] = ("assortative", "heterophilous")
OTHER: dict[Route, Route] = {"assortative": "heterophilous", "heterophilous": "assortative"}

CORRECTION = (0.0, 0.5, 0.8, 0.95)
SMOOTHING = (0.0, 0.3, 0.5, 0.8)


class RoutedClassifier(NodeClassifier):
    """The better of two classifiers: one for graphs whose edges join like nodes, one for others.

    Parameters
    ----------
    assortative : NodeClassifier, optional
        Without it `SGCRidge` on the embeddings of three hops, corrected and smoothed.
    heterophilous : NodeClassifier, optional
        Without it `LCFNet`, corrected and smoothed. Both defaults choose among a few settings.
    router : {"validation", "homophily"}, default "validation"
        "validation": both are fitted, and the one that scores better on the validation nodes is kept, the assortative
        one of equals. "homophily": the assortative one is fitted if the adjusted homophily of the edges between
        training nodes reaches `threshold`, or there are too few of them to tell; else the other.
    threshold : float, default 0.35
    minimum_edges : int, default 100
        How many edges between training nodes "homophily" needs.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"
        What "validation" compares, and what the default candidates choose by.

    Attributes
    ----------
    model_ : NodeClassifier
        The candidate that was kept.
    route_ : {"assortative", "heterophilous"}
    homophily_ : float or None
        Adjusted homophily; None where no two classes have an edge.
    validation_scores_ : dict or None
        The scores of both candidates, where they were compared on the present data.
    classes_, graph_, choices_
        As for every classifier.

    Notes
    -----
    "homophily" is the rule of arXiv 2605.25662; real graphs often disagree with it. At level "reselected" a removal
    routes again: by homophily the candidate in place forgets, unless the route changes; by validation the other one is
    fitted anew as well, to compare.

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

    validation_scores_: dict[Route, float] | None

    def __init__(
        self,
        *,
        assortative: NodeClassifier | None = None,
        heterophilous: NodeClassifier | None = None,
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
    def route_(self) -> Route:
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
        for route in ROUTES:
            given = getattr(self, route)
            if given is not None and not isinstance(given, NodeClassifier):
                raise InputError(f"{route}: expected a node classifier, got {type(given).__name__}")
            # Of both, whichever is fitted now: a removal may change the route.
            self._template(route)._check_parameters()

    def _check_classes(self, codes: NDArray[np.int32], outcome: str = "") -> None:
        for route in ROUTES:
            self._template(route)._check_classes(codes, outcome)

    def _template(self, route: Route) -> NodeClassifier:
        given: NodeClassifier | None = getattr(self, route)
        if given is not None:
            return given
        base: NodeClassifier
        if route == "assortative":
            base = SGCRidge(hops=3, representation="concat", alpha=(0.01, 0.1, 1.0, 10.0), scoring=self.scoring)
        else:
            base = LCFNet(layers=2, bandwidth=(0.1, 0.3, 1.0), alpha=(0.1, 0.3, 1.0), scoring=self.scoring)
        return CorrectAndSmooth(base, correction=CORRECTION, smoothing=SMOOTHING, scoring=self.scoring)

    def _has_choices(self) -> bool:
        return True

    def _selection_metrics(self) -> set[str]:
        metrics = {metric for route in ROUTES for metric in self._template(route)._selection_metrics()}
        return metrics | {self.scoring} if self.router == "validation" else metrics

    def _check_choosable(self, plan: RemovalPlan) -> None:
        if self.router == "validation":
            super()._check_choosable(plan)
            return
        # Only one candidate will choose: the one that the remaining edges lead to.
        route = self._route_by_homophily(self._present_counters().after(self.graph_, plan))
        unfitted(self._template(route), self.graph_)._check_choosable(plan)

    def _present_counters(self) -> HomophilyCounters:
        # An unfitted router within another is asked as well.
        return self._counters if hasattr(self, "_counters") else HomophilyCounters.from_graph(self.graph_)

    @property
    def _route(self) -> Route:
        route: Route = self.choices_["route"]
        return route

    def _route_by_homophily(self, counters: HomophilyCounters) -> Route:
        adjusted = counters.adjusted
        if adjusted is None or counters.num_edges < self.minimum_edges:
            return "assortative"
        return "assortative" if adjusted >= self.threshold else "heterophilous"

    def _fit(self, choices: dict[str, Any] | None) -> None:
        if choices is not None:
            self._keep(choices["route"], self._fitted(choices["route"], self.graph_, choices["model"]))
        elif self.router == "homophily":
            route = self._route_by_homophily(HomophilyCounters.from_graph(self.graph_))
            self._keep(route, self._fitted(route, self.graph_))
        elif self.graph_.split_slots("val").size == 0:
            raise InputError(
                "router: there are no validation nodes to compare the candidates by; give a graph with val=, "
                'or router="homophily" with candidates that have nothing to choose'
            )
        else:
            self._keep_better({route: self._fitted(route, self.graph_) for route in ROUTES})

    def _fitted(self, route: Route, graph: Graph, choices: dict[str, Any] | None = None) -> NodeClassifier:
        return unfitted(self._template(route)).fit_with(graph, choices)

    def _refitted(self, route: Route) -> NodeClassifier:
        # In the middle of a removal, which a warning made an error must not stop; the fit has given it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._fitted(route, self.graph_)

    def _keep_better(self, fitted: Mapping[Route, NodeClassifier]) -> None:
        scores = {}
        for route in ROUTES:
            slots = fitted[route].graph_.split_slots("val")
            scores[route] = fitted[route]._score_slots(slots, self.scoring)
        best = max(ROUTES, key=scores.__getitem__)  # the first of equals
        self._keep(best, fitted[best], scores)

    def _keep(self, route: Route, model: NodeClassifier, scores: dict[Route, float] | None = None) -> None:
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
        if level == "reselected" and self.router == "homophily":
            route = self._route_by_homophily(self._counters)
            if route != former:
                self.graph_.apply(plan)
                self._keep(route, self._refitted(route))
                return self._account_of_change()
        account = self.model_._forget(plan, level)
        self.model_.level_ = level
        self._keep(former, self.model_)
        if level == "frozen" or self.router == "homophily":
            return account
        self._keep_better({former: self.model_, OTHER[former]: self._refitted(OTHER[former])})
        if self._route != former:
            return self._account_of_change()
        return account | {"path": f"{account['path']}; the other candidate fitted anew, to compare"}

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
        for route in ROUTES:
            given = getattr(self, route)
            if given is not None:
                kept["params"][route] = unfitted(given, self.graph_)._kept_description()
        return kept

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        arrays = inner_arrays("model", self.model_)
        if self.validation_scores_ is not None:
            arrays["validation_scores"] = np.array([self.validation_scores_[route] for route in ROUTES])
        return arrays

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        scores = None
        if "validation_scores" in arrays:
            scores = dict(zip(ROUTES, arrays["validation_scores"].tolist(), strict=True))
        self._counters = HomophilyCounters.from_graph(self.graph_)
        inner = restore_inner("model", self._template(self._route), self, self.choices_["model"], arrays)
        self._keep(self._route, inner, scores)
