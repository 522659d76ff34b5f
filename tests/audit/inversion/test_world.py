import sys

import numpy as np
import pytest

import oubli
from oubli.audit.inversion.halves import cut_halves
from oubli.audit.inversion.similarity import FeatureSimilarity
from oubli.audit.inversion.transcript import Observation
from oubli.audit.inversion.trial import assemble, measure
from oubli.audit.inversion.world import GROUPS, draw_world
from oubli.errors import InputError
from oubli.graph import Graph, generate_graph

GRAPH = generate_graph(300, seed=1)


def rows(pairs) -> set[tuple[int, int]]:
    return set(map(tuple, np.asarray(pairs).tolist()))


@pytest.fixture(scope="module", params=["metis", "random"])
def world(request):
    return draw_world(GRAPH, 3, halves=request.param)


def test_halves_are_disjoint_keep_ids_and_cover_all_nodes(world):
    victim, shadow = world.victim.graph, world.shadow.graph
    assert not set(victim.node_ids) & set(shadow.node_ids)
    assert sorted([*victim.node_ids, *shadow.node_ids]) == GRAPH.node_ids.tolist()
    assert all(GRAPH.has_edge(u, v) for u, v in np.concatenate([victim.edges, shadow.edges]))
    for side in (world.victim, world.shadow):
        np.testing.assert_array_equal(side.features, GRAPH.features[side.graph.node_ids])
        np.testing.assert_array_equal(side.labels, np.searchsorted(GRAPH.classes, GRAPH.labels[side.graph.node_ids]))


def test_groups_are_of_one_size_disjoint_and_what_they_say(world):
    for side in (world.victim, world.shadow):
        ids = side.graph.node_ids
        inside = np.isin(GRAPH.edges, ids).all(axis=1)
        half = rows(np.searchsorted(ids, GRAPH.edges[inside]))
        had = rows(np.searchsorted(ids, side.graph.edges))
        remaining = rows(np.searchsorted(ids, side.remaining.edges))
        groups = {name: rows(side.groups[name]) for name in GROUPS}
        assert {len(pairs) for pairs in groups.values()} == {round(0.05 * len(half))}
        assert len(set.union(*groups.values())) == 4 * len(groups["removed"])
        assert groups["removed"] <= had
        assert not groups["removed"] & remaining
        assert groups["never"] <= half
        assert not groups["never"] & had
        assert groups["retained"] <= remaining
        assert not groups["absent"] & half
        assert had == half - groups["never"]
        assert remaining == had - groups["removed"]


def test_what_the_attacker_is_told_holds_no_edge_that_it_must_find(world):
    for side in (world.victim, world.shadow):
        known = rows(side.known)
        remaining = rows(np.searchsorted(side.graph.node_ids, side.remaining.edges))
        assert known == remaining - rows(side.groups["retained"])
        assert not any(known & rows(side.groups[name]) for name in GROUPS)
        assert (side.known[:, 0] < side.known[:, 1]).all()


def test_a_removal_is_honoured_by_the_graph(world):
    assert world.victim.graph.without(world.victim.removal).edges.tolist() == world.victim.remaining.edges.tolist()


def test_labelled_nodes_are_split_anew_with_every_class_in_training(world):
    for side in (world.victim, world.shadow):
        sizes = [side.graph.split_slots(name).size for name in ("train", "val", "test")]
        assert sum(sizes) == side.graph.num_nodes
        assert sizes[:2] == [round(0.7 * sum(sizes)), round(0.1 * sum(sizes))]
        taught = side.graph.labels[side.graph.split_slots("train")]
        assert set(taught) == set(side.graph.labels)


def test_a_seed_gives_one_world_and_another_seed_another():
    one, same, other = draw_world(GRAPH, 3), draw_world(GRAPH, 3), draw_world(GRAPH, 4)
    for name in GROUPS:
        np.testing.assert_array_equal(one.shadow.groups[name], same.shadow.groups[name])
    assert one.victim.graph.train_nodes.tolist() == same.victim.graph.train_nodes.tolist()
    assert set(one.victim.graph.node_ids) != set(other.victim.graph.node_ids)


def test_metis_cuts_fewer_edges_than_chance():
    lost = {}
    for halves in ("metis", "random"):
        parts = cut_halves(GRAPH, np.random.default_rng(0), halves)
        lost[halves] = GRAPH.num_edges - sum(part.num_edges for part in parts)
    assert lost["metis"] < 0.7 * lost["random"]


def test_transcripts_ask_each_pair_once_in_an_order_that_says_nothing(world):
    seen = Observation(world.victim.features, np.zeros((world.victim.graph.num_nodes, 4)), world.victim.known)
    own = Observation(world.shadow.features, np.zeros((world.shadow.graph.num_nodes, 4)), world.shadow.known)
    transcript, secret = assemble(world, seen, own)
    assert len(rows(transcript.pairs)) == len(transcript.pairs)
    size = len(world.victim.groups["removed"])
    for name in GROUPS:
        assert rows(transcript.pairs[secret.groups[name]]) == rows(world.victim.groups[name])
        places = np.flatnonzero(secret.groups[name])
        # In a shuffled order a group of a quarter is not all in one half of the list.
        assert 0 < (places < 2 * size).sum() < size
    assert transcript.shadow.removed is world.shadow.groups["removed"]
    # The attacker kept some edges from its own model; of the victim\'s it knows nothing.
    assert transcript.shadow.never is world.shadow.groups["never"]


def test_unlearned_and_never_learned_edges_are_drawn_alike():
    """Where no model is asked, over many worlds, neither is scored above the other."""
    attack, areas = FeatureSimilarity(), []
    for seed in range(30):
        drawn = draw_world(GRAPH, seed, ratio=0.2)
        seen = [
            Observation(side.features, np.zeros((side.graph.num_nodes, 4)), side.known)
            for side in (drawn.victim, drawn.shadow)
        ]
        transcript, secret = assemble(drawn, *seen)
        areas.append(measure("features", attack.score(transcript, 0), secret)["auc_matched"])
    assert abs(np.mean(areas) - 0.5) < 4 * np.std(areas) / np.sqrt(len(areas))
    assert np.std(areas) < 0.06


def test_string_ids_strings_as_labels_and_unlabelled_nodes_are_welcome():
    names = np.array([f"node {i:03}" for i in range(300)])
    labels = np.array([("red", "green", "")[i % 3] for i in range(300)])
    graph = Graph.from_edges(names[GRAPH.edges], features=GRAPH.features, labels=labels, node_ids=names)
    world = draw_world(graph, 0)
    assert set(world.victim.labels) == {-1, 0, 1}
    assert world.classes.tolist() == ["green", "red"]
    assert not (world.victim.graph.split_codes[world.victim.labels < 0]).any()


def test_a_graph_that_does_not_do_is_refused_with_what_is_needed():
    with pytest.raises(InputError, match=r"a half has .* edges, of which a ratio of 0.05 removes .*; at least 5"):
        draw_world(generate_graph(40, seed=1), 0)
    with pytest.raises(InputError, match="no features"):
        draw_world(Graph.from_edges(GRAPH.edges, labels=GRAPH.labels), 0)
    with pytest.raises(InputError, match="1 classes"):
        draw_world(Graph.from_edges(GRAPH.edges, features=GRAPH.features, labels=np.zeros(300, int)), 0)
    few = np.full(300, -1)
    few[:8] = [0, 1] * 4
    with pytest.raises(InputError, match="labelled nodes"):
        draw_world(Graph.from_edges(GRAPH.edges, features=GRAPH.features, labels=few), 0)
    everyone = [(i, j) for i in range(30) for j in range(i)]
    with pytest.raises(InputError, match="too dense"):
        draw_world(Graph.from_edges(everyone, features=np.eye(30), labels=np.arange(30) % 2), 0)


def test_without_pymetis_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymetis", None)
    with pytest.raises(ImportError, match=r"pip install 'oubli\[attacks\]'"):
        draw_world(GRAPH, 0)
    assert draw_world(GRAPH, 0, halves="random").victim.graph.num_nodes == 150


@pytest.mark.parametrize("name", ["cora", "chameleon-filtered"])
def test_real_graphs_have_halves(data_root, name):
    graph = oubli.load_dataset(name, root=data_root)
    world = draw_world(graph, 0)
    sizes = [side.graph.num_nodes for side in (world.victim, world.shadow)]
    assert sum(sizes) == graph.num_nodes
    assert min(sizes) > 0.45 * graph.num_nodes
