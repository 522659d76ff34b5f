"""The page of an audit of removed edges or of memberships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from oubli.report.fields import flat, text
from oubli.report.forgetting.charts import draw_control, draw_gains
from oubli.report.forgetting.curves import Panel, draw_curves
from oubli.report.forgetting.results import INVERSION, MEMBERSHIP, ForgettingResults, MethodRecord, MetricRecord
from oubli.report.forgetting.tables import control_row, standing, tabulate
from oubli.report.forgetting.verdict import OF_THE_REMOVED, judge, sum_up
from oubli.report.page import render


@dataclass(frozen=True)
class Subject:
    """What an audit is about, in the words of its page."""

    command: str
    title: str
    lede: str
    matched: str
    floor: str
    panels: tuple[Panel, Panel]
    settings: tuple[str, ...]


SUBJECTS = {
    INVERSION: Subject(
        command="inversion",
        title="What a model that forgot edges still tells of them",
        lede="Edges of a graph were removed from trained models. Attackers who ask the model afterwards try to find "
        "them again. Every figure stands beside its floor: the same attack on a model that never had the edges.",
        matched="World 1 had the edge and unlearned it; world 0 never had it. Both are edges of the same graph, drawn "
        "alike, so that it does not help an attacker that neighbours are alike. An AUC of .5 is guessing.",
        floor="In most graphs neighbours are alike, and a model says like things of them whether it remembers "
        "their edge or not. So an attack on removed edges can have an AUC of .89 on a model that never had them, and "
        "exact unlearning cannot and need not bring it to .5.",
        panels=(Panel("removed", "removed against no edge"), Panel("matched", "removed against never had")),
        settings=("ratio", "draws"),
    ),
    MEMBERSHIP: Subject(
        command="membership",
        title="What a model that forgot labels still tells of them",
        lede="Labels were removed from trained models. Attackers who ask the model afterwards try to tell whose label "
        "was once among them. Every figure stands beside its floor: the same attack on a model that never had the "
        "labels.",
        matched="World 1 had the label and unlearned it; world 0 never had it. Who is in which was drawn at random. An "
        "AUC of .5 is guessing.",
        floor="Some nodes are easier to classify than others, whether their label was learned or not, and by chance a "
        "draw favours one side. So a single AUC does not say what the model remembers: its difference from that "
        "of retraining, on the same draw, does.",
        panels=(Panel("matched", "unlearned against never had"), Panel("matched", "the same, few false alarms", True)),
        settings=("ratio", "shadows", "draws"),
    ),
}


def forgetting_report(results: Mapping[str, Any]) -> str:
    """Return the results of an audit of removed edges, or of memberships, as one page of HTML.

    The page needs no other file, no network and no script. The same results give the same page.

    Parameters
    ----------
    results : mapping
        What such an audit writes as `results.json`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        When they are of another format or not whole.
    """
    audit = ForgettingResults.of(results)
    subject = SUBJECTS[audit.format]
    verdicts = judge(audit)
    return render(
        "forgetting.html.j2",
        title=subject.title,
        command=reproduce(subject, audit),
        subject=subject,
        audit=audit,
        verdicts=verdicts,
        sums=sum_up(verdicts),
        gains=list(_gains(audit)),
        curves=list(_curves(audit, subject)),
        tables=list(tabulate(audit)),
        controls=[control_row(control) for control in audit.control],
        control_figure=draw_control(audit.control, "advantage"),
        standings=[standing(method) for method in audit.methods],
        settings=list(flat(audit.settings)),
        versions=list(flat(audit.versions)),
    )


def reproduce(subject: Subject, audit: ForgettingResults) -> str:
    """Return the command that makes the audit again."""
    settings = audit.settings
    attacks = [attack.name for attack in audit.attacks if attack.kind == "attack"]
    parts = ["oubli audit", subject.command, "--data", text(settings.get("data", "DATA"))]
    parts += ["--methods", ",".join(method.name for method in audit.methods), "--attacks", ",".join(attacks)]
    for name in ("seeds", "first_seed", *subject.settings):
        if settings.get(name) is not None:
            parts += [f"--{name.replace('_', '-')}", text(settings[name])]
    return " ".join([*parts, "-o", "FOLDER"])


def _gains(audit: ForgettingResults) -> Iterator[tuple[MetricRecord, Markup]]:
    for position, metric in enumerate(audit.metrics):
        drawn = draw_gains(audit, metric, f"gains-{position}") if metric.name in OF_THE_REMOVED else None
        if drawn is not None:
            yield metric, drawn


def _curves(audit: ForgettingResults, subject: Subject) -> Iterator[tuple[MethodRecord, Markup]]:
    for position, method in enumerate(audit.methods):
        drawn = draw_curves(audit, method, subject.panels, f"curves-{position}")
        if drawn is not None:
            yield method, drawn
