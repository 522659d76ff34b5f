"""The page of an audit, where the extra for it is installed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = "report.html"
FILES = ("results.json", "rows.csv", "summary.csv")


def write_page(results: dict[str, Any], folder: Path) -> tuple[list[str], list[str]]:
    """Write the page of an audit beside its results.

    Parameters
    ----------
    results : dict
        What results.json holds.
    folder : Path

    Returns
    -------
    files : list of str
        All files of the audit that are for people or machines.
    advice : list of str
        How to get the page where it could not be made.
    """
    page = folder / PAGE
    files = [str(folder / name) for name in FILES]
    try:
        import_module("oubli.report").write_audit_report(results, page)
    except ImportError:
        # One that is there tells of an earlier state of the folder.
        page.unlink(missing_ok=True)
        return files, [f'For {PAGE}: pip install "oubli[report]", and run the same command.']
    return [*files, str(page)], []
