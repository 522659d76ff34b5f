"""The audit of whether forgetting works: every method on every test, beside retraining."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from oubli.audit.efficacy.alteration import Split, with_split
from oubli.audit.efficacy.figures import flat_rows, outcomes, standing_of, summarise
from oubli.audit.efficacy.scenario import EfficacyTest, Scenario
from oubli.audit.efficacy.tests import build_tests
from oubli.audit.efficacy.trial import Trial
from oubli.audit.forgetting.audit import ForgettingAudit
from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import METHODS, Method
from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.forgetting.standing import standings
from oubli.audit.journal import Record
from oubli.errors import InputError
from oubli.graph import Graph

WORDS = (
    "Nobody attacks. A model learns something that has to go: edges that do harm, marked nodes with a wrong label, or "
    "more than half of its labels, nodes or features. It unlearns them, and is compared with the same model, of the "
    "same seed, fitted on what remains: its floor. Edges, marks and wrong labels are put in by someone who knows all "
    "labels. Accuracy is of nodes that are neither trained on nor removed. Figures are means over seeds with a 95 % "
    "bootstrap interval, seconds and speedups medians. A method that adds noise differs from its floor by that of both."
)


class EfficacyAudit(ForgettingAudit):
    """Whether methods forget what they are asked to, and at what price beside retraining.

    Parameters
    ----------
    graph : Graph
        With features and labels.
    methods : sequence of str
        As `parse_method` reads them.
    tests : sequence of str, default ("all",)
        Of `TESTS`. A method that cannot remove what a test asks for is on record as not supported there.
    seeds : int, default 10
    data : str, default "graph"
    first_seed : int, default 0
    split : {"drawn", "given"}, default "drawn"
        Splits drawn under each seed (60 % training, 20 % validation, 20 % test), or those that the graph has.

    Raises
    ------
    InputError
        When a name is unknown, a number is out of range, or the graph has no features or no split as asked for.

    Examples
    --------
    >>> import tempfile
    >>> from oubli.audit.efficacy import EfficacyAudit
    >>> from oubli.graph import generate_graph
    >>> audit = EfficacyAudit(generate_graph(200, seed=1), ["exact"], ["half-removed"], seeds=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = audit.run(folder)
    >>> results["rows"][0]["bytes_equal"]
    True
    """

    format: ClassVar[str] = "oubli.audit.efficacy/1"
    kind = None

    def __init__(
        self,
        graph: Graph,
        methods: Sequence[str] = METHODS,
        tests: Sequence[str] = ("all",),
        seeds: int = 10,
        data: str = "graph",
        first_seed: int = 0,
        split: Split = "drawn",
    ) -> None:
        super().__init__(graph, methods, seeds, data, first_seed)
        if split not in ("drawn", "given"):
            raise InputError(f'split: expected "drawn" or "given", got {split!r}')
        if not graph.num_features:
            raise InputError("graph: has no features, and models under audit need some; give features=")
        self.tests: dict[str, EfficacyTest] = {test.name: test for test in build_tests(tests)}
        self.split: Split = split
        with_split(graph, split, first_seed)
        self._families = Families()
        self._drawn: dict[tuple[int, str], Scenario] = {}

    def own_settings(self) -> dict[str, Any]:
        """Return the tests, with all that they do, and the split."""
        return {"tests": {name: test.describe for name, test in self.tests.items()}, "split": self.split}

    def attempt(self, seed: int, method: Method) -> Record:
        """Put one method to all tests under one seed."""
        started = time.perf_counter()
        rows = []
        for name, test in self.tests.items():
            if test.kind not in method.kinds:
                removes = f"{method.name} removes {' and '.join(method.kinds)} only, not {test.kind}"
                rows.append({"test": name, "status": "not supported", "reason": removes})
                continue
            try:
                scenario = self._scenario(seed, test)
            except InputError as error:
                # Of this graph under this seed, and no method's fault; the other tests go on.
                rows.append({"test": name, "status": "not supported", "reason": f"not possible here: {error}"})
                continue
            rows.append({"test": name, **Trial(self._families, method, seed, name, scenario).run()})
        return {"rows": rows, "standing": standing_of(rows), "seconds": time.perf_counter() - started}

    def _scenario(self, seed: int, test: EfficacyTest) -> Scenario:
        """Return a test under a seed, the same object for all methods; those of former seeds are dropped."""
        if (seed, test.name) not in self._drawn:
            self._drawn = {key: kept for key, kept in self._drawn.items() if key[0] == seed}
            graph = with_split(self.graph, self.split, derived_seed(seed, "split"))
            self._drawn[seed, test.name] = test.scenario(graph, derived_seed(seed, test.name))
        return self._drawn[seed, test.name]

    def threat_model(self) -> str:
        """Say in words what is done."""
        return WORDS

    def results(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return what is published of the records."""
        rows = flat_rows(records)
        return {
            "methods": self._lines(records),
            "tests": [
                {"name": test.name, "describe": test.describe, "measures": test.measures, "source": test.source}
                for test in self.tests.values()
            ],
            "summary": summarise(rows),
            "outcomes": outcomes(rows),
            "rows": rows,
        }

    def _lines(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        """Return a line for each method that came to the end of a test, its figures being means over these tests."""
        lines = standings(self.methods, [record for record in records if record["standing"] is not None])
        for line in lines:
            of_method = [row for record in records if record["method"] == line["name"] for row in record["rows"]]
            left_out = [name for name in self.tests if _none_done(of_method, name)]
            said = f"without {', '.join(left_out)}" if left_out else ""
            line["note"] = "; ".join(part for part in (line["note"], said) if part)
        return lines


def _none_done(rows: Sequence[Record], test: str) -> bool:
    return not any(row["test"] == test and row["status"] == "done" for row in rows)
