"""The benchmarks of leakage run, resume, and tell what they measured."""

import json

from benchmarks.leakage import defences, rivals


def test_rivals_resume_and_are_told_with_intervals(data_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OUBLI_DATA", str(data_root))
    chosen = ["--data", "tu-mutag", "--victims", "3", "--budget", "short", "--orders", "dataset"]
    where = ["--rows", str(tmp_path / "rows"), "--folder", str(tmp_path)]
    rivals.main([*chosen, *where, "--names", "graphdlg", "mean-feature"])
    kept = (tmp_path / "rows" / "tu-mutag-short.jsonl").read_text()
    rivals.main([*chosen, *where, "--names", "graphdlg", "mean-feature", "random"])
    assert (tmp_path / "rows" / "tu-mutag-short.jsonl").read_text().startswith(kept)
    (table,) = json.loads((tmp_path / "leakage-rivals.json").read_text())["tables"]
    assert [row["attack"] for row in table["rows"]] == ["graphdlg", "mean-feature", "random"]
    assert all("[" in row["feature_mse"] for row in table["rows"])
    assert "GraphDLG less this" in (tmp_path / "leakage-rivals.md").read_text()


def test_defences_are_told_beside_their_nulls(data_root, tmp_path):
    audit = defences.audit("tu-mutag", 6, ("none", "top-k:0.01"), data_root)
    audit.accuracy = False
    results = audit.run(tmp_path)
    (table,) = defences.tables(results)
    none, sparse = table["rows"]
    assert none["accuracy"] == "not measured"
    assert none["head_label"].startswith("1.00")
    assert none["lifting_isomorphic"] > sparse["lifting_isomorphic"]
    assert none["epsilon"] is None
