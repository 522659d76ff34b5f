"""The matched control of certified removal: measured advantage beside the bound, at several epsilons and noises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks.inversion.cells import interval, load, parse
from benchmarks.results import Table, make_table, write_results
from oubli.audit.forgetting.control import Game, play
from oubli.audit.forgetting.methods import DELTA, Method, parse_method
from oubli.audit.inversion.audit import InversionAudit
from oubli.models import CertifiedClassifier

DATA = ("cora",)
SPENT = 0.8
ROUNDS = 6
DRAWS = 40
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
COLUMNS = [
    ("data", "data"),
    ("method", "method"),
    ("setting", "setting"),
    ("draws", "draws of each world"),
    ("distinguisher", "best distinguisher"),
    ("measured", "advantage"),
    ("bound", "bound", ".3f"),
    ("within", "within"),
    ("epsilon_low", "epsilon at least", ".3f"),
    ("epsilon_claimed", "claimed", ".3g"),
]
NOTE = (
    "5 % of the edges of half a graph, removed in one request; 200 draws of each world, fit and all, half to choose "
    "statistic and threshold, half to judge. The bound is (e^eps - 1 + 2 delta) / (e^eps + 1), delta 1e-4. With "
    "`spent` the noise is chosen so that the removal leaves its residual in the weights and takes 80 % of the budget; "
    "`default` takes a Newton step and leaves next to nothing. `a hundredth of the noise` is a broken variant of "
    "`spent`, which has to be caught."
)


class Whispers(CertifiedClassifier):
    """Adds a hundredth of the noise that it accounts for."""

    def _draw(self, shape: Any) -> Any:
        return 0.01 * super()._draw(shape)


def settings(epsilon: float, noise: float) -> list[tuple[str, Method]]:
    """Return the variants of certified removal that are played, by what is said of them."""
    ours, theirs = parse_method(f"certified:{epsilon:g}"), parse_method(f"cgu:{epsilon:g}")
    spent = {"epsilon": epsilon, "delta": DELTA, "noise_std": noise, "step_share": 1.0}
    return [
        ("default", ours),
        ("spent", replace(ours, make=partial(_make, CertifiedClassifier, spent))),
        ("default", theirs),
        ("a hundredth of the noise", replace(ours, make=partial(_make, Whispers, spent))),
    ]


def spent_noise(game: Game, epsilon: float) -> float:
    """Return the noise with which the removal takes a share `SPENT` of the budget."""
    noise = 1e4
    for _ in range(ROUNDS):
        model = CertifiedClassifier(epsilon=epsilon, delta=DELTA, noise_std=noise, step_share=1.0).fit(game.graph)
        model.unlearn(game.removal)
        # A fit is as near to its optimum as the noise asks for, so that the residual depends on the noise a little.
        noise *= model.odometer_.residual / (SPENT * model.odometer_.budget)
    return noise


def _make(kind: type[CertifiedClassifier], given: Mapping[str, Any], seed: int) -> CertifiedClassifier:
    return kind(**given)


def measure(name: str, draws: int) -> list[dict[str, Any]]:
    """Return a row for each epsilon and variant."""
    game = InversionAudit(load(name), ["exact"], data=name).game()
    assert game is not None, "audits of removed edges have a matched control"
    rows = []
    for epsilon in EPSILONS:
        for told, method in settings(epsilon, spent_noise(game, epsilon)):
            line = play(game, method, draws, seed=0)
            measured = interval(line["advantage"], line["advantage_low"], line["advantage_high"])
            rows.append({"data": name, "setting": told, **line, "measured": measured})
            print(rows[-1], flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Play, and write results/inversion-control.json and .md."""
    given = parse("control", __doc__, DATA, 1, arguments)
    torch.set_num_threads(1)
    rows = [row for name in given.data for row in measure(name, DRAWS)]
    table: Table = make_table("Certified removal in the matched control", COLUMNS, rows, NOTE)
    print(
        write_results("inversion-control", "How well certified removal is told from retraining", [table], given.folder)
    )


if __name__ == "__main__":
    main()
