"""The tables of the certified benchmark: which rows each stage writes, and those of other runs that stay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import FOLDER, make_table, write_results

TITLE = "Certified unlearning: two hops, symmetric, exact propagation, one thread"


@dataclass(frozen=True)
class Shape:
    """Title, note and columns of a table, a column a line: key, heading and, of numbers, the format."""

    title: str
    note: str
    text: str

    @property
    def columns(self) -> list[list[str]]:
        """Return the columns as `make_table` takes them."""
        return [[part.strip() for part in line.split("|")] for line in self.text.strip().splitlines()]


TABLES = {
    "settings": Shape(
        "Settings, chosen on validation nodes",
        "alpha in 1e-2 .. 1e-5; noise_std in 0.01, 0.1, 1 for noise on the output and 0.1, 1, 10 for noise on the "
        "objective: of those within half a point of the best validation accuracy the most noise, then the largest "
        "alpha. epsilon = 1; delta = 1e-4, or half of one over the training nodes where that is less. Accuracies, "
        "here and below, are of what is given out, noise and all, of five draws of the output's noise; in per cent. "
        "The choice itself is not covered by the certificate. Test nodes were not looked at. "
        "Stages and data sets were measured in several runs, ratios always within one.",
        """
        data | data
        nodes | nodes | ,d
        edges | edges | ,d
        training | training | ,d
        mechanism | noise on
        alpha | alpha | .0e
        noise_std | noise_std | g
        validation | validation | .2f
        best | best | .2f
        cpu_s | CPU s of the choice | .0f
        """,
    ),
    "sequence": Shape(
        "Single edges, one after the other",
        "The whole request, in CPU ms. *stepping*: requests after which the weights moved, and the share of all time "
        "that their Newton steps took; the rest is validation, propagation, gradient, noise and receipt. Fewer than "
        "2,000 requests: stopped after 40 CPU s. *spent*: the largest share of the budget. *retrained*: a fit on what "
        "remains, and its CPU time, of our own training; *ratio* is to the mean request. *default*: no arguments.",
        """
        data | data
        mechanism | noise on
        alpha | alpha | .0e
        noise_std | noise_std | g
        requests | requests | ,d
        before | accuracy | .2f
        after | after | .2f
        retrained | retrained | .2f
        gap | gap | +.2f
        ms.median | ms | .2f
        ms.p95 | 95 % | .2f
        ms.mean | mean | .2f
        requests_with_steps | stepping | ,d
        newton_share | steps' share % | .0f
        newton_steps | Newton steps | ,.0f
        retrainings | retrainings | d
        spent | spent % | .0f
        retraining_s | retraining s | .2f
        ratio | ratio | .0f
        """,
    ),
    "batches": Shape(
        "Batches beside our own training from scratch",
        "CPU ms, medians of draws, every draw from the model of the whole graph; *propagation* is part of *forget*. "
        "*fit* is `CertifiedClassifier.fit` on what remains, the copy of the graph (*copy*) not counted. *gap*: "
        "accuracy after forgetting less that of the fit, whose noise on the objective is another draw. *CGU*: the "
        "graph propagated whole and one Newton step from "
        "the old weights; *its residual* in per cent of the budget, which CGU bounds rather than evaluates.",
        """
        data | data
        mechanism | noise on
        alpha | alpha | .0e
        noise_std | noise_std | g
        kind | removed
        size | batch | ,d
        draws | draws | d
        ms | forget ms | .1f
        slowest_ms | slowest | .1f
        propagation_ms | propagation | .1f
        newton_steps | steps | .1f
        fit_ms | fit ms | .0f
        edit_ms | copy ms | .0f
        ratio | ratio | .1f
        gap | gap | +.2f
        cgu_ms | CGU ms | .0f
        cgu_ratio | ratio to it | .1f
        cgu_spent | its residual % | .2g
        """,
    ),
    "standard": Shape(
        "Batches of 100 edges beside a standard optimiser",
        "Training from scratch on what remains by scikit-learn's LogisticRegression (lbfgs, one class against the "
        "rest, the same penalty, no intercept), its tolerance set so that the gradient of a class should be no longer "
        "than *goal*, which our fit aims at over all classes; *length* is the longest it left. CPU seconds. Where "
        "classes are many, some were trained and their time scaled up (*trained* of *classes*). Its embeddings are "
        "ours: *propagation* is the whole graph's.",
        """
        data | data
        alpha | alpha | .0e
        noise_std | noise_std | g
        classes | classes | d
        trained | trained | d
        goal | goal | .1e
        length | length | .1e
        propagation_s | propagation s | .2f
        lbfgs_s | lbfgs s | .1f
        total_s | total s | .1f
        fit_s | our fit s | .2f
        unlearn_s | forget s | .3f
        ratio | total / forget | .0f
        """,
    ),
    "noise": Shape(
        "noise_std times epsilon fixed",
        "More noise, smaller epsilon. 50 single edges after each of three fits; *spread* is the deviation of accuracy "
        "over the fits. Blank: no fit meets the budget.",
        """
        data | data
        mechanism | noise on
        alpha | alpha | .0e
        epsilon | epsilon | g
        noise_std | noise_std | .3g
        budget | budget | .3g
        before | accuracy | .2f
        after | after | .2f
        spread | ± | .2f
        steps | steps a request | .2f
        ms | ms | .2f
        """,
    ),
    "adversarial": Shape(
        "Adversarial edges",
        "As many edges as 5 % of the graph's, drawn between training nodes of different classes, there while the "
        "model is fitted and forgotten in ten batches. *never*: a model that never saw them. Means over draws of the "
        "edges; ± is the deviation of the gap over them.",
        """
        data | data
        mechanism | noise on
        draws | draws | d
        edges | edges | ,.0f
        with | with | .2f
        after | forgotten | .2f
        never | never | .2f
        gap | gap | +.2f
        spread | ± | .2f
        steps | Newton steps | .1f
        spent | spent at the end % | .0f
        ms | ms a batch | .1f
        """,
    ),
    "halves": Shape(
        "More than half of the training nodes forgotten",
        "Nodes, or features alone, of training nodes in batches of 1 %, one of each class kept; accuracy on the test "
        "nodes beside that of a fit on what remains. *spent*: the largest share of the budget so far.",
        """
        data | data
        mechanism | noise on
        kind | removed
        share | share % | .0f
        requests | requests | d
        before | accuracy | .2f
        after | after | .2f
        retrained | retrained | .2f
        gap | gap | +.2f
        ms | ms a batch | .1f
        newton_steps | Newton steps | ,.0f
        retrainings | retrainings | d
        spent | spent % | .0f
        """,
    ),
    "bounds": Shape(
        "Bounds on the residual of one exact Newton step, beside the true one",
        "Medians over single removals, all classes together, of noise on the output. *worst case* and *from the rows* "
        "are analysis (docs/proofs/residual-bounds); *evaluated* is what is charged; *true* is in extended precision "
        "on rows computed afresh. *without a step*: the gradient if the weights stay. *sound*: true <= evaluated in "
        "every draw; *ordered*: true <= from the rows <= worst case, but for what the linear solver leaves.",
        """
        data | data
        kind | removed
        draws | draws | d
        budget | budget | .1e
        worst.median | worst case | .1e
        data_dependent.median | from the rows | .1e
        evaluated.median | evaluated | .1e
        evaluated.max | largest | .1e
        true.median | true | .1e
        unmoved.median | without a step | .1e
        sound | sound
        ordered | ordered
        """,
    ),
    "lazy": Shape(
        "What lazy propagation would need",
        "After 100 edges at each rmax: the bound on what the residues leave, in units of the gradient at the fitted "
        "weights, and over the budget. Above 1 the certificate would not hold and residues would be pushed on.",
        """
        data | data
        rmax | rmax | .0e
        remove_ms | propagation ms | .1f
        bound_ms | bound ms | .1f
        error | bound on the gradient | .2g
        budget | budget | .2g
        share | over the budget | .2g
        """,
    ),
}


class Results:
    """Rows of all tables, those of earlier runs included, written whenever a stage of a data set is done."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self._name, self._folder = name, folder
        path = (folder or FOLDER) / f"{name}.json"
        found = json.loads(path.read_text(encoding="utf-8"))["tables"] if path.is_file() else []
        rows = {table["title"]: table["rows"] for table in found}
        self.rows: dict[str, list[dict[str, Any]]] = {k: rows.get(shape.title, []) for k, shape in TABLES.items()}

    def of(self, table: str, data: str) -> list[dict[str, Any]]:
        """Return the rows of a data set."""
        return [row for row in self.rows[table] if row["data"] == data]

    def put(self, table: str, data: str, rows: list[dict[str, Any]]) -> Path:
        """Put the rows of a data set in the place of its former ones, and write everything."""
        self.rows[table] = [row for row in self.rows[table] if row["data"] != data] + rows
        tables = [make_table(s.title, s.columns, self.rows[k], s.note) for k, s in TABLES.items() if self.rows[k]]
        return write_results(self._name, TITLE, tables, self._folder)
