"""The page of an audit of gradients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from oubli.report.fields import command, flat
from oubli.report.gradients.figures import NoiseLevel, draw_noise, draw_scores
from oubli.report.gradients.metrics import EXACT, Metric, metric_of, write_epsilon
from oubli.report.gradients.molecules import Picture, draw_example
from oubli.report.gradients.results import DefenceRecord, GradientResults, Guess, Score
from oubli.report.gradients.tables import cost_of, ordered_metrics, tabulate
from oubli.report.gradients.verdict import judge, null_score, strongest, sum_up
from oubli.report.page import render, write_page

EXAMPLES = 6
GUESSES = 6
NOISE = re.compile(r"noise:([^:]+)")


def gradient_report(results: Mapping[str, Any]) -> str:
    """Return an audit's results as one page of HTML.

    The page needs no other file, no network and no script. The same results give the same page.

    Parameters
    ----------
    results : mapping
        What an audit of gradients writes as `results.json`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        When they are of another format or not whole.
    """
    audit = GradientResults.of(results)
    verdicts = judge(audit)
    return render(
        "gradients.html.j2",
        title="What one update gives away",
        command=command(audit.settings),
        audit=audit,
        verdicts=verdicts,
        sums=sum_up(verdicts),
        costs=[cost_of(defence) for defence in audit.defences],
        tables=list(tabulate(audit)),
        figures=list(_figures(audit)),
        noise=_noise_figure(audit),
        examples=list(_examples(audit)),
        more_examples=max(0, len(audit.examples) - EXAMPLES),
        shape=_shape(audit),
        settings=list(flat(audit.settings)),
        versions=list(flat(audit.versions)),
    )


def write_gradient_report(results: Mapping[str, Any], path: str | Path) -> Path:
    """Write an audit's results as one page of HTML, whole or not at all.

    Parameters
    ----------
    results : mapping
        As `gradient_report` takes it.
    path : str or Path
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        When the results are of another format or not whole, or the file cannot be written.
    CapacityError
        When the disk is full.
    """
    return write_page(gradient_report(results), path)


@dataclass(frozen=True)
class _Attempt:
    guess: Guess
    scores: str
    picture: Picture


@dataclass(frozen=True)
class _Shown:
    victim: str
    truth: Picture
    attempts: tuple[_Attempt, ...]
    more: int


@dataclass(frozen=True)
class _Shape:
    """How deep the model looks, and what was met of what cannot be told apart."""

    hops: int | None
    look_alikes: int


def _figures(audit: GradientResults) -> Iterator[tuple[Metric, Markup]]:
    for position, metric in enumerate(ordered_metrics(audit.summary)):
        if not metric.figured:
            continue
        scores = [score for score in audit.summary if score.metric == metric.name]
        drawn = draw_scores(metric, scores, audit.defences, f"scores-{position}")
        if drawn is not None:
            yield metric, drawn


def _noise_figure(audit: GradientResults) -> Markup | None:
    """Draw the levels of noise, weakest first, where there are two or more."""
    levels = []
    for defence in audit.defences:
        named = NOISE.match(defence.name)
        try:
            levels.append((float(named.group(1)) if named else 0.0, defence))
        except ValueError:
            continue
    levels = [(level, defence) for level, defence in levels if level > 0 or defence.name == "none"]
    if sum(level > 0 for level, _ in levels) < 2:
        return None
    levels.sort(key=lambda pair: pair[0])
    return draw_noise([_noise_level(defence, audit.summary) for _, defence in levels], "noise")


def _noise_level(defence: DefenceRecord, summary: Sequence[Score]) -> NoiseLevel:
    score = strongest(summary, defence.name, EXACT)
    other = null_score(summary, score) if score else None
    epsilon = "no epsilon" if defence.epsilon is None else f"ε {write_epsilon(defence.epsilon)}"
    return NoiseLevel(
        title=defence.name.removeprefix("noise:"),
        epsilon=epsilon,
        leak=(score.value, score.low, score.high) if score else (None, None, None),
        null=(score.null_value, other.low if other else None, other.high if other else None)
        if score
        else (None, None, None),
        accuracy=(defence.accuracy, defence.accuracy_low, defence.accuracy_high),
    )


def _examples(audit: GradientResults) -> Iterator[_Shown]:
    """Draw the first victims with the first guesses: in the order of the results, so that nobody has chosen."""
    for position, example in enumerate(audit.examples[:EXAMPLES]):
        guesses = example.guesses[:GUESSES]
        truth, pictures = draw_example(example, guesses, audit.node_names, f"graph-{position}")
        attempts = tuple(
            _Attempt(guess, _scores(guess), picture) for guess, picture in zip(guesses, pictures, strict=True)
        )
        yield _Shown(example.victim, truth, attempts, len(example.guesses) - len(guesses))


def _scores(guess: Guess) -> str:
    """Return what was scored of a guess, as far as it is not drawn."""
    parts = [f"label {guess.graph.label}"] if guess.graph.label else []
    residual = guess.scores.get("residual")
    if isinstance(residual, int | float):
        parts.append(f"residual of the gradient {metric_of('residual').write(residual)}")
    return ", ".join(parts)


def _shape(audit: GradientResults) -> _Shape:
    form = audit.settings.get("form")
    hidden = form.get("hidden") if isinstance(form, Mapping) else None
    alike = [row for row in audit.rows if row.get("kind") == "attack" and row.get("wl_equal")]
    confused = sum(row.get("isomorphic") is not None and not row["isomorphic"] for row in alike)
    return _Shape(len(hidden) if isinstance(hidden, Sequence) else None, confused)
