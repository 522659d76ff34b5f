"""What the demonstration says of the leak is what happened, and its report replaces no file of others."""

import dataclasses
import importlib

import pytest

for extra in ("torch", "jinja2", "matplotlib", "networkx"):
    pytest.importorskip(extra)

from oubli.audit.gradients.lifting import ProfileLifting  # noqa: E402
from oubli.cli import leak_demonstration  # noqa: E402
from oubli.cli.leak_demonstration import INSTALL, demonstrate_leak, leak_lines  # noqa: E402

REPORT = "report.html"


def test_one_gradient_gives_the_graph_away(tmp_path):
    values = demonstrate_leak(tmp_path / REPORT, seed=2)
    assert values["recovered"]
    assert values["label_recovered"]
    assert (values["null_draws"], values["null_hits"]) == (299, 0)
    assert values["report"] == str(tmp_path / REPORT)
    told = " ".join(leak_lines(values))
    assert "the very graph" in told
    assert "0 of them are that graph" in told
    page = (tmp_path / REPORT).read_text()
    assert "1 of 1 was recovered exactly" in page
    assert "The null: another-molecule 0 %" in page
    assert "✓ Identical" in page
    assert "299 graphs of its own" in page, "the threat model"


def test_a_demonstration_writes_over_its_own_report_and_over_no_other(tmp_path):
    for _ in range(2):
        assert demonstrate_leak(tmp_path / REPORT, seed=2)["report"]
    mine = (tmp_path / REPORT).read_text().replace("oubli demo", "oubli audit gradients")
    for content in ("<p>mine</p>", "", mine):
        (tmp_path / REPORT).write_text(content)
        values = demonstrate_leak(tmp_path / REPORT, seed=2)
        assert (values["report"], values["in_the_way"]) == (None, str(tmp_path / REPORT))
        assert (tmp_path / REPORT).read_text() == content
        assert "Not drawn" in " ".join(leak_lines(values))


def test_an_attack_that_fails_is_not_told_as_a_leak(tmp_path, monkeypatch):
    honest = ProfileLifting.reconstruct

    def silent(self, transcripts, seed=0):
        nothing = {"adjacency": None, "labels": (1 - honest(self, transcripts, seed)[0].labels[0],)}
        return [dataclasses.replace(guess, **nothing) for guess in honest(self, transcripts, seed)]

    monkeypatch.setattr(ProfileLifting, "reconstruct", silent)
    values = demonstrate_leak(tmp_path / REPORT, seed=2)
    told = " ".join(leak_lines(values))
    assert "no graph; a wrong label" in told
    assert "very graph" not in told
    page = (tmp_path / REPORT).read_text()
    assert "Nothing found" in page
    assert "guesses no graph" in page


def test_another_graph_is_not_told_as_the_very_graph(tmp_path, monkeypatch):
    honest = ProfileLifting.reconstruct

    def careless(self, transcripts, seed=0):
        found = honest(self, transcripts, seed)
        for guess in found:
            # A bond less.
            u, v = map(int, next(zip(*guess.adjacency.nonzero(), strict=True)))
            guess.adjacency[u, v] = guess.adjacency[v, u] = 0
        return found

    monkeypatch.setattr(ProfileLifting, "reconstruct", careless)
    values = demonstrate_leak(tmp_path / REPORT, seed=2)
    assert "another graph than the true one" in " ".join(leak_lines(values))
    assert "Differs: 1 edge missing" in (tmp_path / REPORT).read_text()


def test_demo_says_what_to_install_when_something_is_missing(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(leak_demonstration, "NEEDS", (*leak_demonstration.NEEDS, "no_such_package"))
    assert importlib.import_module("oubli.cli.demo")._leak(tmp_path / REPORT, 0, told.append) is None
    assert "no_such_package" in told[0]
    assert INSTALL in told[0]
    assert not (tmp_path / REPORT).exists()
