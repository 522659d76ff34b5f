"""The demonstration proves what it says."""

import pytest
from tests.cli.command import run, spawn

from oubli import load_model


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The demonstration writes its report where it is run."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_demo_for_people_and_machines_tells_the_same_story(tmp_path):
    people = run("demo", "--size", 400)
    assert (people.code, people.err) == (0, "")
    assert "What was just proved" in people.out
    assert "Exact, at level reselected" in " ".join(people.out.split())
    done = spawn("demo", "--size", 400, "-o", tmp_path / "kept", "--json")
    assert (done.code, done.err) == (0, "")
    told = done.json
    assert told["passed"]
    assert set(told["checks"].values()) == {True}
    assert told["digests"]["model"] == told["digests"]["rebuilt"] != told["digests"]["stale"]
    assert set(told["digests"].values()) <= set(people.out.split()), "the same seed, the same bytes"
    assert told["files_with_traces"]["after"] == {"name": [], "features": []}
    assert told["files_with_traces"]["before"]["name"] == ["graph.node_ids.npy"]
    certified = told["certified"]
    assert certified["receipt"]["guarantee"]["kind"] == "certified"
    assert certified["evaluated"]["residual"] <= certified["odometer"]["budget"] < certified["untrained"]["residual"]
    assert "Guarantee: certified, epsilon 1, delta 1e-05" in " ".join(people.out.split())
    kept = load_model(tmp_path / "kept")
    assert (kept.digest(), kept.graph_.num_nodes) == (told["digests"]["model"], 399)


def test_demo_says_when_a_check_fails(monkeypatch):
    # A model whose weights are not what its data gives: the demonstration must not call that proved.
    from oubli.models import SGCRidge

    honest = SGCRidge.unlearn

    def careless(self, removal, **options):
        weights = self._weights
        receipt = honest(self, removal, **options)
        self._weights = weights
        return receipt

    monkeypatch.setattr(SGCRidge, "unlearn", careless)
    done = run("demo", "--size", 400)
    assert done.code == 1
    assert "NOT PROVED" in done.out
    assert "identical to rebuild" in done.out
    assert "What was just proved" not in done.out


def test_demo_says_when_a_certificate_does_not_hold(monkeypatch):
    from oubli.models.certificate import Certificate

    def careless(self, graph, step_share, fresh_term):
        self.odometer = self.odometer.after(0.0)
        self.head.weights = self.head.weights + 1.0
        return "nothing was evaluated"

    monkeypatch.setattr(Certificate, "honour", careless)
    done = run("demo", "--size", 400)
    assert done.code == 1
    assert "certificate holds" in " ".join(done.out.split("NOT PROVED")[1].split())
