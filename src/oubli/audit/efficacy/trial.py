"""One method on one test: what the model answers before and after, beside one that never had what it forgets."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from oubli.audit.efficacy.scenario import Scenario
from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Forgetful, Method
from oubli.audit.forgetting.outcome import same_bytes
from oubli.audit.forgetting.seeds import derived_seed
from oubli.errors import InputError, OubliError

ROUNDS = 3
QUICK = 1.0
"""Seconds that an unlearning and a training may take together for `ROUNDS` of them to be timed."""

FAILURES = (OubliError, ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True, eq=False)
class Trial:
    """A method on a test under one seed.

    Parameters
    ----------
    families : Families
        What was trained under this seed.
    method : Method
    seed : int
    place : str
        Name of the test, by which its models' seeds are told from those of others.
    scenario : Scenario
    """

    families: Families
    method: Method
    seed: int
    place: str
    scenario: Scenario

    def run(self) -> dict[str, Any]:
        """Return the figures, with a ``status`` of "done" or "failed", and then a ``reason``.

        A model that fails to learn or to unlearn, or that answers with numbers that are not finite, is on record as
        failed, with the figures that there are.
        """
        row: dict[str, Any] = {"status": "done", "reason": ""}
        try:
            model = self.families.own(self.method, self.seed, self.place, self.scenario.graph)
            floor = self.families.trained(self.method, self.seed, self.place, "after", self.scenario.remaining)
            row |= self._figures(model, "before") | self._figures(floor.model, "retrained")
            row["accuracy_clean"] = self._clean(row)
            row |= self._forgotten(model, floor.model, floor.seconds)
            for figure in ("accuracy", "recall", "recall_trained"):
                if f"{figure}_after" in row:
                    row[f"{figure}_gap"] = row[f"{figure}_after"] - row[f"{figure}_retrained"]
        except FAILURES as error:
            row |= {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
        return row

    def _forgotten(self, model: Forgetful, floor: Forgetful, seconds_retrain: float) -> dict[str, Any]:
        fitted = copy.deepcopy(model)
        # Not counted: compiled code may be loaded in it.
        self._unlearn(model)
        if not np.isfinite(model.decision_function()).all():
            raise InputError("the answers of the model are not finite after the removal")
        row = self._figures(model, "after")
        judged = self.scenario.judged
        row["agreement"] = float(np.mean(model.predict(judged) == floor.predict(judged)))
        row["bytes_equal"] = same_bytes(model, floor)
        row |= self._timed(fitted, seconds_retrain)
        return row | {"speedup": row["seconds_retrain"] / row["seconds_unlearn"]}

    def _timed(self, fitted: Forgetful, retrain: float) -> dict[str, float]:
        """Return seconds a request and seconds of a fit on what remains; where both are quick, medians of rounds."""
        unlearns, retrains = [self._unlearn(copy.deepcopy(fitted))], [retrain]
        if unlearns[0] * len(self.scenario.requests) + retrain <= QUICK:
            for _ in range(1, ROUNDS):
                unlearns.append(self._unlearn(copy.deepcopy(fitted)))
                fresh = self.method.make(derived_seed(self.seed, self.place))
                started = time.perf_counter()
                fresh.fit(self.scenario.remaining)
                retrains.append(time.perf_counter() - started)
        return {"seconds_unlearn": median(unlearns), "seconds_retrain": median(retrains)}

    def _unlearn(self, model: Forgetful) -> float:
        """Honour all requests, and return the seconds that one took on average."""
        started = time.perf_counter()
        for request in self.scenario.requests:
            model.unlearn(request)
        return (time.perf_counter() - started) / len(self.scenario.requests)

    def _clean(self, row: dict[str, Any]) -> float:
        """Return the accuracy of a model that never had the harm."""
        clean = self.scenario.clean
        if clean is None:
            return float(row["accuracy_retrained"])
        if clean is self.scenario.graph:
            return float(row["accuracy_before"])
        model = self.families.trained(self.method, self.seed, f"{self.place}, clean", "before", clean).model
        return self._accuracy(model)

    def _figures(self, model: Forgetful, when: str) -> dict[str, float]:
        figures = {f"accuracy_{when}": self._accuracy(model)}
        probe = self.scenario.probe
        if probe is not None:
            figures[f"recall_{when}"] = float(np.mean(model.predict(probe.held_out) == probe.target))
            if probe.trained.size:
                figures[f"recall_trained_{when}"] = float(np.mean(model.predict(probe.trained) == probe.target))
        return figures

    def _accuracy(self, model: Forgetful) -> float:
        return float(np.mean(model.predict(self.scenario.judged) == self.scenario.truth))
