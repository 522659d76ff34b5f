"""The page of what a model that forgot still tells: each figure beside its floor, and no name that is not a name."""

import json
import re

import pytest
from tests.report.browsing import Page
from tests.report.forgetting.example import SEEDS, results

for extra in ("jinja2", "matplotlib", "networkx"):
    pytest.importorskip(extra)

from oubli.errors import InputError  # noqa: E402
from oubli.report import (  # noqa: E402
    forgetting_report,
    read_audit_results,
    write_audit_report,
)

KINDS = ("inversion", "membership")


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def text(kind):
    return forgetting_report(results(kind))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_page_is_whole_and_needs_nothing_else(text, page):
    assert len(page.ids) == len(set(page.ids))
    assert page.references <= set(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert all(link.startswith("#") for link in page.links)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"\b(nan|None|inf)\b", page.text)


def test_every_figure_stands_beside_its_floor(kind, page):
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows]
    names = {attack["name"] for attack in results(kind)["attacks"]}
    scored = [row for row in rows if len(row) == 7 and row[0].split()[0] in names]
    assert len(scored) == len(results(kind)["summary"])
    for line, row in zip(_in_order(results(kind)), scored, strict=True):
        assert row[0].startswith(line["attack"])
        assert row[1].startswith(_written(line["value"]))
        assert row[2].startswith(_written(line["floor"]))
        assert row[4] == ("above" if line["above_floor"] else "below" if line["below_floor"] else "no")


def _in_order(made):
    for metric in made["metrics"]:
        for method in made["methods"]:
            pair = (metric["name"], method["name"])
            yield from (line for line in made["summary"] if (line["metric"], line["method"]) == pair)


def _written(value):
    return f"{value:.3f}".removeprefix("0")


def test_page_says_who_attacks_what_a_floor_is_and_what_a_null_is(kind, page):
    assert "An attacker asks the model." in page.text
    assert "features (null)" in page.text
    assert "is what the same attack gets of retraining" in page.text
    assert "Needs" not in page.text
    assert "needs the answers from before the removal" in page.text
    if kind == "inversion":
        assert "exact unlearning cannot and need not bring it to .5" in page.text


def test_page_tells_the_command(kind, page):
    assert f"oubli audit {kind} --data cora --methods exact,certified,gif,stale,ascent --attacks" in page.text
    assert "--seeds 7 --first-seed 0 --ratio 0.05" in page.text


def test_figures_are_described(kind, page):
    described = [values for tag, values in page.tags if tag == "svg" and values.get("role") == "img"]
    gains = {"inversion": 3, "membership": 2}[kind]
    assert len(described) == gains + len(results()["methods"]) + 1
    assert re.search(r"stale, trend-mia: \+\.\d+ \[", page.text)
    assert "certified: .100 [−.210, .380], bound .462" in page.text


def test_control_and_costs_are_tables(page):
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows]
    assert ["exact", ".000 [.000, .000]", ".000", "0 claimed", "yes", "bytes compared"] in rows
    assert any(row[:3] == ["stale", "1.000 [.830, 1.000]", "no promise"] for row in rows)
    costs = next(row for row in rows if row[:2] == ["certified", "certified, epsilon 1, delta 0.0001"])
    assert costs[2:] == [
        f"0 of {SEEDS}",
        "86.6 % [85.0, 87.2]",
        "86.1 % [85.0, 87.2]",
        "86.1 % [85.0, 87.2]",
        "2.1 ms, retraining 810 ms: 386x",
    ]


def two_methods(kind):
    made = results(kind)
    return made | {"methods": made["methods"][:2]}


ODD = "<script>alert(\"$x_1$ & 'y'\")</script>"


def test_names_are_names_and_not_markup():
    made = two_methods("inversion")
    dirty = json.loads(json.dumps(made).replace("posterior-cosine", json.dumps(ODD)[1:-1]))
    dirty["methods"][0] |= {"describe": ODD, "model": ODD, "note": ODD}
    dirty |= {"threat_model": ODD, "settings": {ODD: ODD, "data": ODD}, "versions": {ODD: ODD}}
    written = forgetting_report(dirty)
    assert "<script" not in written
    assert sum(ODD in part for part in Page(written).texts) > 15


def test_no_value_breaks_a_page():
    made = two_methods("membership")
    for number, line in enumerate(made["summary"]):
        value = (None, float("nan"), float("inf"))[number % 3]
        line |= dict.fromkeys(("value", "low", "gain", "gain_low", "detectable", "floor"), value)
    for method in made["methods"]:
        method |= {"seconds_unlearn": value, "accuracy": {"value": value, "low": value, "high": value}}
    for line in made["control"]:
        line |= dict.fromkeys(("advantage", "advantage_low", "epsilon_low"), value)
    told = Page(forgetting_report(made)).text
    assert not re.search(r"\b(nan|inf|None)\b", told)
    assert "not measured" in told


def test_a_page_without_attacks_curves_or_control():
    bare = results(attacks=[], summary=[], curves=[], control=[], metrics=[])
    told = Page(forgetting_report(bare)).text
    assert "Not run in this audit" in told
    assert "Nothing was measured." in told
    assert "Nothing remains: advantage 0 exact" in told
    assert "No method was measured" in Page(forgetting_report(bare | {"methods": []})).text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": "oubli.audit.inversion/2"}, ["oubli.audit.inversion/2", "'oubli.audit.inversion/1'"]),
        ({"format": 3}, ["no audit", "oubli.audit.membership/1"]),
        ({"summary": 3}, ["summary", "audit again"]),
        ({"summary": [{"method": "exact"}]}, ["'attack' is missing"]),
        ({"methods": [{"name": "exact"}]}, ["'describe' is missing"]),
        ({"settings": []}, ["settings is no object"]),
        ({"control": [{"draws": 3}]}, ["'method' is missing"]),
        ({"control": [{"method": "exact", "draws": -3}]}, ["-3 is no number of cases"]),
        ({"threat_model": None, "attacks": None}, ["attacks is no list"]),
    ],
)
def test_results_that_are_none_are_refused(tmp_path, changed, words):
    with pytest.raises(InputError) as error:
        write_audit_report(results(**changed), tmp_path / "report.html")
    assert all(word in str(error.value) for word in words), error.value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rates", [[0.5], [0, 2], [0, "x"], [0] * 5])
def test_damaged_curves_are_refused(rates):
    made = results()
    made["curves"][0]["rate"] = rates
    with pytest.raises(InputError, match="audit again"):
        forgetting_report(made)


def test_results_are_read_back_from_folder_and_file(tmp_path, kind, text):
    (tmp_path / "results.json").write_text(json.dumps(results(kind)))
    for given in (tmp_path, tmp_path / "results.json"):
        assert read_audit_results(given) == results(kind)
    if kind == "membership":
        path = write_audit_report(read_audit_results(tmp_path), tmp_path / "r.html")
        assert path.read_text(encoding="utf-8") == text, "the same results give the same page"
    (tmp_path / "results.json").write_text('{"format": "oubli.audit.inversion/0"}')
    with pytest.raises(InputError, match=r"results\.json: results: format"):
        read_audit_results(tmp_path)


def test_methods_that_were_left_out_are_told():
    assert "Not audited: ceu removes edges only, not labels." in forgetting_report(results())
