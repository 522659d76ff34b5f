import numpy as np
import pytest
from tests.audit.forgetting.planted import Memoriser, ResumableMemoriser, planted

from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Method
from oubli.audit.forgetting.outcome import forget, posterior_columns
from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.forgetting.standing import standing_record, standings
from oubli.graph import Graph, Removal, generate_graph
from oubli.models import SGCRidge

GRAPH = generate_graph(60, seed=2)
REMOVAL = Removal(edges=GRAPH.edges[:9])
REMAINING = GRAPH.without(REMOVAL)


def outcome_of(method: Method, families: Families | None = None, seed: int = 0):
    return forget(families or Families(), method, seed, "victim", GRAPH, REMOVAL, REMAINING, GRAPH.classes)


def test_methods_of_a_family_train_once_for_each_stage_of_a_seed(monkeypatch):
    monkeypatch.setattr(ResumableMemoriser, "fits", 0, raising=False)
    families = Families()
    makers = [
        Method(name, "", "", "memory", lambda seed, f=forgets: ResumableMemoriser(seed, f))
        for name, forgets in (("stale", False), ("good", True), ("other", False))
    ]
    found = [outcome_of(method, families) for method in makers]
    assert ResumableMemoriser.fits == 2
    # What one unlearned does not reach the others.
    assert all(np.array_equal(found[0].before, outcome.before) for outcome in found)
    assert [outcome.bytes_equal for outcome in found] == [False, True, False]
    outcome_of(makers[0], families, seed=1)
    assert ResumableMemoriser.fits == 4
    # Only the current seed is kept.
    outcome_of(makers[0], families, seed=0)
    assert ResumableMemoriser.fits == 6


def test_an_outcome_has_before_after_and_floor():
    stale, good = outcome_of(planted("stale", False)), outcome_of(planted("good", True))
    assert stale.after.tobytes() == stale.before.tobytes() != stale.retrained.tobytes()
    assert good.after.tobytes() == good.retrained.tobytes() == stale.retrained.tobytes()
    expected = np.mean(np.take(GRAPH.classes, good.after.argmax(1))[GRAPH.test_nodes] == GRAPH.labels[GRAPH.test_nodes])
    assert good.figures["accuracy"] == good.figures["accuracy_retrained"] == expected


def test_equal_weights_alone_are_not_equal_bytes():
    class Liar(Memoriser):
        def weights_digest(self) -> str:
            return "as if retrained"

    assert not outcome_of(planted("liar", False, Liar)).bytes_equal


def test_a_class_that_the_model_does_not_know_has_probability_zero():
    labels = np.array([0, 1, 2] * 10)
    edges = [(i, (i + 1) % 30) for i in range(30)]
    known = [i for i in range(30) if labels[i] != 1]
    graph = Graph.from_edges(edges, features=np.eye(30), labels=labels, train=known[:15], val=known[15:])
    columns = posterior_columns(SGCRidge(alpha=1.0).fit(graph), graph.classes)
    assert columns.shape == (30, 3)
    assert (columns[:, 1] == 0).all()
    np.testing.assert_allclose(columns.sum(axis=1), 1)


def test_a_standing_has_medians_intervals_and_says_when_a_claim_fails():
    exact, stale = planted("good", True, claim="exact"), planted("stale", False, claim="exact")
    records = [
        {"method": method.name, "standing": standing_record(outcome_of(method, seed=seed))}
        for method in (stale, exact)
        for seed in range(3)
    ]
    lines = standings({"good": exact, "stale": stale, "absent": exact}, records)
    assert [(line["name"], line["seeds"], line["bytes_equal"]) for line in lines] == [("good", 3, 3), ("stale", 3, 0)]
    assert lines[0]["note"] == ""
    assert "does not hold" in lines[1]["note"]
    assert lines[0]["bound"] == 0.0
    assert lines[0]["accuracy"].keys() == {"value", "low", "high"}
    assert lines[0]["seconds_retrain"] >= 0


def test_seeds_depend_on_seed_and_every_word():
    seeds = [derived_seed(0, "a", "b"), derived_seed(0, "b", "a"), derived_seed(1, "a", "b"), derived_seed(0, "a")]
    assert len(set(seeds)) == 4
    assert derived_seed(0, "a", "b") == seeds[0]
    with pytest.raises(ValueError, match="non-negative"):
        derived_seed(-1, "a")
