"""The demonstration proves what it says."""

import pytest
from tests.cli.command import run, spawn

from oubli import load_model


def test_demo_for_people():
    done = run("demo", "--size", 400)
    assert done.code == 0
    assert "What was just proved" in done.out
    assert "Exact, at level reselected" in " ".join(done.out.split())
    assert done.err == ""


def test_demo_for_machines_keeps_the_model_where_asked(tmp_path):
    done = spawn("demo", "--size", 400, "--seed", 2, "-o", tmp_path / "kept", "--json")
    assert done.code == 0
    assert done.err == ""
    told = done.json
    assert told["passed"]
    assert set(told["checks"].values()) == {True}
    assert told["digests"]["model"] == told["digests"]["rebuilt"] != told["digests"]["stale"]
    assert told["files_with_traces"]["after"] == {"name": [], "features": []}
    assert told["files_with_traces"]["before"]["name"] == ["graph.ids.npy"]
    assert load_model(tmp_path / "kept").digest() == told["digests"]["model"]
    assert load_model(tmp_path / "kept").graph_.num_nodes == 399


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


@pytest.mark.parametrize("seed", [0, 1])
def test_same_seed_same_story(seed):
    one, two = (run("demo", "--size", 200, "--seed", seed, "--json").json for _ in range(2))
    assert one["digests"] == two["digests"]
