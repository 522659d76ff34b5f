"""The page of whether forgetting works: before, after and retrained, and what could not be done."""

import json
import re

import pytest
from tests.report.browsing import Page
from tests.report.efficacy.example import SEEDS, results

for extra in ("jinja2", "matplotlib", "networkx"):
    pytest.importorskip(extra)

from oubli.errors import InputError  # noqa: E402
from oubli.report import (  # noqa: E402
    efficacy_report,
    read_audit_results,
    write_audit_report,
)
from oubli.report.efficacy.results import EfficacyResults  # noqa: E402
from oubli.report.efficacy.verdict import judge  # noqa: E402


@pytest.fixture(scope="module")
def text():
    return efficacy_report(results())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def words(made):
    return {verdict.method.name: verdict.word for verdict in judge(EfficacyResults.of(made))}


def test_page_is_whole_and_needs_nothing_else(page):
    assert len(page.ids) == len(set(page.ids))
    assert page.references <= set(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"\b(nan|None|inf)\b", page.text)


def test_verdicts_follow_from_bytes_and_differences():
    assert words(results()) == {
        "exact": "The very bytes of retraining",
        "certified": "Not told from retraining",
        "gif": "Still knows what it should have forgotten",
        "stale": "Still knows what it should have forgotten",
        "ceu": "Not measured",
    }
    without = [line for line in results()["summary"] if not line["metric"].startswith("recall")]
    assert words(results(summary=without))["gif"] == "Less accurate than retraining"
    few = results()
    for method in few["methods"]:
        method["seeds"] = 5
    assert words(few)["gif"] == "Too few seeds for a verdict"
    made = results()
    made["outcomes"][0] |= {"status": "failed", "failed": 2, "reason": "no budget"}
    assert words(made)["exact"] == "Failed"
    assert "failed under 2 of 7 seeds (no budget)" in Page(efficacy_report(made)).text


def test_every_method_stands_beside_retraining(page):
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows]
    gif = next(row for row in rows if row[0] == "gif" and len(row) == 15)
    assert gif[3:6] == ["80.0 % [79.0, 81.0]", "87.0 % [86.0, 88.0]", "−7.0 points [−9.0, −5.0]"]
    assert gif[-3:] == ["2 ms", "800 ms", "400x"]
    assert ["ceu", "not supported: edges only"] in rows
    assert f"Bytes equal to retraining under all {SEEDS} seeds, in every test." in page.text
    assert "oubli audit efficacy --data cora --methods exact,certified,gif,stale,ceu --tests" in page.text


def test_figures_are_described(page):
    described = [values for tag, values in page.tags if tag == "svg" and values.get("role") == "img"]
    assert len(described) == 2 + 1 + 1, "accuracy of two tests, one recall, time"
    assert "gif: before 97.0 %, after 40.0 %, retrained 1.0 %" in page.text


def test_a_page_of_nothing_measured():
    told = Page(efficacy_report(results(summary=[], outcomes=[]))).text
    assert "○ Not measured exact, certified" in told


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "oubli.audit.efficacy/2"}, ["efficacy/2", "'oubli.audit.efficacy/1'"]),
        ({"summary": [{"method": "exact"}]}, ["'test' is missing"]),
        ({"tests": {}}, ["tests is no list"]),
        ({"outcomes": [{"method": "a", "test": "b", "status": "done", "seeds": "x"}]}, ["'x' is no number of cases"]),
    ],
)
def test_results_that_are_none_are_refused(tmp_path, changed, said):
    with pytest.raises(InputError) as error:
        write_audit_report(results(**changed), tmp_path / "report.html")
    assert all(word in str(error.value) for word in said), error.value
    assert list(tmp_path.iterdir()) == []


def test_results_are_read_back(tmp_path, text):
    (tmp_path / "results.json").write_text(json.dumps(results()))
    assert read_audit_results(tmp_path) == results()
    assert write_audit_report(results(), tmp_path / "r.html").read_text(encoding="utf-8") == text
