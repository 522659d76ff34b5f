"""The page of an audit of efficacy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from oubli.report.efficacy.charts import draw_returns, draw_speed
from oubli.report.efficacy.results import EfficacyResults, TestRecord
from oubli.report.efficacy.tables import tabulate
from oubli.report.efficacy.verdict import judge
from oubli.report.fields import flat, text
from oubli.report.forgetting.verdict import sum_up
from oubli.report.page import render


def efficacy_report(results: Mapping[str, Any]) -> str:
    """Return the results of an audit of efficacy as one page of HTML.

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
    audit = EfficacyResults.of(results)
    verdicts = judge(audit)
    return render(
        "efficacy.html.j2",
        title="Does forgetting work?",
        command=_command(audit),
        audit=audit,
        verdicts=verdicts,
        sums=sum_up(verdicts),
        figures=list(_figures(audit)),
        speed=draw_speed(audit, "speed"),
        tables=list(tabulate(audit)),
        settings=list(flat(audit.settings)),
        versions=list(flat(audit.versions)),
    )


def _figures(audit: EfficacyResults) -> Iterator[tuple[TestRecord, str, Markup]]:
    for position, test in enumerate(audit.tests):
        for what in ("accuracy", "recall"):
            drawn = draw_returns(audit, test, what, f"{what}-{position}")
            if drawn is not None:
                yield test, what, drawn


def _command(audit: EfficacyResults) -> str:
    settings = audit.settings
    parts = ["oubli audit efficacy --data", text(settings.get("data", "DATA"))]
    parts += ["--methods", ",".join(method.name for method in audit.methods)]
    parts += ["--tests", ",".join(test.name for test in audit.tests)]
    for name in ("seeds", "first_seed"):
        if settings.get(name) is not None:
            parts += [f"--{name.replace('_', '-')}", text(settings[name])]
    return " ".join([*parts, "-o", "FOLDER"])
