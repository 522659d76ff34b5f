"""The benchmarks of audits of models that forgot run, resume, and set every figure beside its floor."""

import json

import pytest
from benchmarks.inversion import control, edges, efficacy, membership

from oubli.audit.forgetting.methods import parse_method
from oubli.graph import generate_graph
from oubli.models import CertifiedClassifier


@pytest.fixture
def small(monkeypatch):
    """Let every part audit a small graph, whatever the name."""
    for part in (edges, membership, efficacy, control):
        monkeypatch.setattr(part, "load", lambda name: generate_graph(300, seed=1))


def document(folder, name):
    return json.loads((folder / f"{name}.json").read_text())["tables"]


def test_edges_are_told_beside_floors_and_trends_beside_similarity(small, tmp_path, monkeypatch):
    monkeypatch.setattr(edges, "DATA", {"made": (2, 0.1, 4)})
    options = ["--data", "made", "--seeds", "2", "--rows", str(tmp_path), "--folder", str(tmp_path)]
    edges.main([*options, "--methods", "exact", "stale"])
    against_pairs, _, trends, standing, taught = document(tmp_path, "inversion-edges")
    assert len([row for row in against_pairs["rows"] if "null" not in row["attack"]]) >= 12
    assert all(row["exact"].endswith("+0.000 [+0.000, +0.000]") for row in against_pairs["rows"])
    assert [row["method"] for row in trends["rows"]] == ["stale"]
    assert [row["bytes_equal"] for row in standing["rows"]] == [2, 0]
    assert taught["rows"][0]["exact"].endswith("+0.000 [+0.000, +0.000]")
    kept = (tmp_path / "edges-made" / "rows.jsonl").read_bytes()
    edges.main([*options, "--methods", "exact", "stale"])
    assert (tmp_path / "edges-made" / "rows.jsonl").read_bytes() == kept


def test_memberships_and_efficacy_have_a_table_a_question(small, tmp_path, monkeypatch):
    monkeypatch.setattr(membership, "DRAWS", 0)
    options = [
        "--data",
        "made",
        "--methods",
        "exact",
        "--seeds",
        "2",
        "--rows",
        str(tmp_path),
        "--folder",
        str(tmp_path),
    ]
    membership.main(options)
    efficacy.main(options)
    assert len(document(tmp_path, "inversion-membership")) == len(membership.TITLES) + 1
    titles = [table["title"] for table in document(tmp_path, "inversion-efficacy")]
    assert "made: replay" in titles


def test_what_is_called_spent_spends_four_fifths_of_the_budget():
    from oubli.audit.inversion.audit import InversionAudit

    game = InversionAudit(generate_graph(300, seed=1), ["exact"]).game()
    variants = dict(control.settings(1.0, control.spent_noise(game, 1.0)))
    model = variants["spent"].make(0).fit(game.graph)
    assert isinstance(model, CertifiedClassifier)
    assert 1 - model.unlearn(game.removal).guarantee.budget == pytest.approx(control.SPENT, abs=0.02)
    assert variants["default"].bound == parse_method("certified").bound
