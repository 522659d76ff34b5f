"""The page of an audit of any kind, found by the format of its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from oubli.report.efficacy.page import efficacy_report
from oubli.report.efficacy.results import FORMAT as EFFICACY
from oubli.report.efficacy.results import EfficacyResults
from oubli.report.fields import check_format
from oubli.report.forgetting.page import forgetting_report
from oubli.report.forgetting.results import FORMATS as FORGETTING
from oubli.report.forgetting.results import ForgettingResults
from oubli.report.gradients.page import gradient_report
from oubli.report.gradients.results import FORMAT as GRADIENTS
from oubli.report.gradients.results import GradientResults
from oubli.report.page import write_page
from oubli.report.reading import read_results

PAGES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    GRADIENTS: gradient_report,
    **dict.fromkeys(FORGETTING, forgetting_report),
    EFFICACY: efficacy_report,
}
CHECKS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    GRADIENTS: GradientResults.of,
    **dict.fromkeys(FORGETTING, ForgettingResults.of),
    EFFICACY: EfficacyResults.of,
}


def audit_report(results: Mapping[str, Any]) -> str:
    """Return the results of an audit, of whichever kind, as one page of HTML.

    Parameters
    ----------
    results : mapping
        What an audit writes as `results.json`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        When they are of an unknown format or not whole.
    """
    check_format(results, tuple(PAGES))
    return PAGES[results["format"]](results)


def read_audit_results(path: str | Path) -> dict[str, Any]:
    """Read what an audit, of whichever kind, wrote.

    Parameters
    ----------
    path : str or Path
        The audit's folder, or its `results.json`.

    Returns
    -------
    dict
        As `audit_report` takes it.

    Raises
    ------
    InputError
        When there is no such file, it is no JSON, or no audit of a supported format.
    """
    return read_results(path, "audit", _check)


def write_audit_report(results: Mapping[str, Any], path: str | Path) -> Path:
    """Write the results of an audit, of whichever kind, as one page of HTML, whole or not at all.

    Parameters
    ----------
    results : mapping
        As `audit_report` takes it.
    path : str or Path
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        When the results are of an unknown format or not whole, or the file cannot be written.
    CapacityError
        When the disk is full.
    """
    return write_page(audit_report(results), path)


def _check(results: Mapping[str, Any]) -> None:
    check_format(results, tuple(CHECKS))
    CHECKS[results["format"]](results)
