"""The demonstration proves what it says."""

from tests.cli.command import run, spawn

from oubli import load_model


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
