"""The tests of forgetting, seen from outside: what is put in, what is asked for, by whom it is judged."""

import numpy as np
import pytest
import scipy.sparse as sp

from oubli import Graph
from oubli.audit.efficacy import TESTS, build_tests
from oubli.audit.efficacy.adversarial import AdversarialEdges
from oubli.audit.efficacy.alteration import altered, with_split
from oubli.audit.efficacy.halves import Halves
from oubli.audit.efficacy.replay import WIDTH, Replay
from oubli.errors import InputError
from oubli.graph import generate_graph

GRAPH = generate_graph(200, seed=4)


def named():
    """The same graph with ids and labels of letters, and sparse features."""
    ids = np.array([f"n{i:03}" for i in range(200)])
    return Graph.from_edges(
        ids[GRAPH.edges],
        features=sp.csr_array(GRAPH.features),
        labels=np.array(["a", "bb", "c", "ddd"])[GRAPH.labels],
        node_ids=ids,
        train=ids[GRAPH.train_nodes],
        val=ids[GRAPH.val_nodes],
        test=ids[GRAPH.test_nodes],
    )


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("graph", [GRAPH, named()], ids=["numbers", "names"])
def test_the_judges_stay_and_know_nothing(name, graph):
    test = TESTS[name]()
    assert test.name == name
    scenario = test.scenario(graph, 1)
    assert {kind for request in scenario.requests for kind, ids in request.arrays.items() if len(ids)} == {test.kind}
    assert np.isin(scenario.judged, scenario.remaining.node_ids).all()
    assert not np.isin(scenario.judged, scenario.graph.train_nodes).any()
    truth = dict(zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True))
    assert scenario.truth.tolist() == [truth[node] for node in scenario.judged.tolist()]
    again, other = test.scenario(graph, 1), test.scenario(graph, 2)
    assert again.requests == scenario.requests
    assert other.requests != scenario.requests


def test_what_remains_without_adversarial_edges_is_the_graph(assert_same_graph):
    assert_same_graph(AdversarialEdges().scenario(GRAPH, 1).remaining, GRAPH)
    assert AdversarialEdges(0.25).scenario(GRAPH, 1).graph.num_edges == GRAPH.num_edges + round(GRAPH.num_edges / 4)


@pytest.mark.parametrize("graph", [GRAPH, named()], ids=["numbers", "names"])
def test_marked_nodes_carry_the_mark_and_the_wrong_label(graph):
    scenario = Replay().scenario(graph, 3)
    probe, features = scenario.probe, scenario.graph.features
    mark = (features.toarray() if sp.issparse(features) else features)[:, -WIDTH:]
    marked = graph.node_ids[mark.any(axis=1)]
    assert marked.tolist() == np.union1d(probe.trained, probe.held_out).tolist()
    assert marked.size == 20
    assert set(mark.ravel().tolist()) == {0.0, 1.0}
    rows = np.searchsorted(graph.node_ids, marked)
    assert probe.target not in graph.labels[rows]
    assert (scenario.graph.labels[np.searchsorted(graph.node_ids, probe.trained)] == probe.target).all()
    assert scenario.graph.labels[np.searchsorted(graph.node_ids, probe.held_out)].tolist() != [probe.target]
    splits = [scenario.graph.train_nodes, scenario.graph.val_nodes, scenario.graph.test_nodes]
    assert not np.isin(probe.held_out, np.concatenate(splits)).any()
    assert not np.isin(probe.trained, scenario.remaining.train_nodes).any()
    clean = scenario.clean
    assert clean.labels.tolist() == graph.labels.tolist()
    assert clean.num_features == scenario.graph.num_features
    assert not (clean.features[:, -WIDTH:] != 0).sum()


def test_the_mark_is_as_long_as_the_rows_it_stands_beside():
    features = Replay().scenario(altered(GRAPH, features=1000 * GRAPH.features), 3).graph.features
    marked = features[:, -WIDTH:].any(axis=1)
    lengths = np.linalg.norm(features[:, :-WIDTH], axis=1)
    assert np.linalg.norm(features[marked, -WIDTH:], axis=1) == pytest.approx(np.median(lengths), rel=1e-4)


@pytest.mark.parametrize("kind", ["labels", "nodes", "features"])
@pytest.mark.parametrize("requests", [1, 5])
def test_more_than_half_goes_and_a_node_of_each_class_stays(kind, requests):
    scenario = Halves(kind, requests).scenario(GRAPH, 1)
    gone = np.concatenate([getattr(request, kind) for request in scenario.requests])
    assert len(scenario.requests) == requests
    assert np.unique(gone).size == gone.size == round(0.55 * GRAPH.train_nodes.size)
    assert np.isin(gone, GRAPH.train_nodes).all()
    spared = np.setdiff1d(GRAPH.train_nodes, gone)
    assert set(GRAPH.labels[spared]) == set(GRAPH.labels)


def test_splits_are_drawn_of_labelled_nodes():
    bare = altered(GRAPH, labels=np.where(np.arange(200) < 50, -1, GRAPH.labels), train=[], val=[], test=[])
    drawn = with_split(bare, "drawn", 1)
    assert (drawn.train_nodes.size, drawn.val_nodes.size, drawn.test_nodes.size) == (90, 30, 30)
    parts = np.concatenate([drawn.train_nodes, drawn.val_nodes, drawn.test_nodes])
    assert np.sort(parts).tolist() == list(range(50, 200))
    assert with_split(bare, "drawn", 2).train_nodes.tolist() != drawn.train_nodes.tolist()
    assert with_split(GRAPH, "given", 1) is GRAPH


def test_tests_are_known_by_name():
    assert [test.name for test in build_tests(["all"])] == list(TESTS)
    assert [test.name for test in build_tests(["replay", "replay"])] == ["replay"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: build_tests(["forget"]), "tests: 'forget' is not supported; supported: adversarial-edges, replay"),
        (lambda: build_tests([]), "tests: name at least one"),
        (lambda: AdversarialEdges(0), "ratio"),
        (lambda: Replay("edges"), "kind"),
        (lambda: Replay(share=0.9), "share"),
        (lambda: Halves("edges"), "kind"),
        (lambda: Halves(share=1.0), "share"),
        (lambda: Halves(requests=0), "requests"),
        (lambda: Halves(share=0.99).scenario(GRAPH, 1), "leave one of each class"),
        (lambda: Halves(requests=100).scenario(generate_graph(40, seed=1), 1), "cannot go in 100 requests"),
        (
            lambda: Replay().scenario(generate_graph(50, num_classes=1, homophily=1, seed=1), 1),
            "0 labelled ones are of other",
        ),
        (lambda: Replay().scenario(altered(GRAPH, train=[]), 1), "no marked node is in the training split"),
        (lambda: with_split(altered(GRAPH, train=[]), "given", 1), 'use "drawn"'),
        (lambda: with_split(generate_graph(8, average_degree=1, seed=1), "drawn", 1), "8 labelled nodes"),
    ],
)
def test_what_cannot_be_done_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call()


@pytest.mark.parametrize("graph", [GRAPH, named()], ids=["numbers", "names"])
def test_nodes_without_features_are_not_asked_to_give_them_up(graph):
    features = graph.features.copy()
    features[::5] = 0
    scenario = Halves("features").scenario(altered(graph, features=features), 1)
    asked = scenario.requests[0].arrays["features"]
    assert len(asked) == round(0.55 * graph.train_nodes.size)
    assert not np.isin(asked, graph.node_ids[::5]).any()
    scenario.graph.without(scenario.requests[0])
