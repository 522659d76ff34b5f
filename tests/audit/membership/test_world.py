import numpy as np
import pytest

from oubli.audit.membership.shadows import check_shadows, draw_halves
from oubli.audit.membership.world import check_world, draw_world, group_sizes
from oubli.errors import InputError
from oubli.graph import Graph, generate_graph


def test_every_labelled_node_has_one_place():
    graph = generate_graph(203, seed=1)
    world = draw_world(graph, 0.1, seed=4)
    sizes = group_sizes(graph, 0.1)
    assert sizes == {"known": 4, "unlearned": 7, "retained": 62, "never": 69, "validation": 20, "test": 41}
    assert sum(sizes.values()) == graph.num_nodes
    assert {name: int(mask.sum()) for name, mask in world.groups.items()} == {
        name: sizes[name] for name in ("unlearned", "retained", "never")
    }
    np.testing.assert_array_equal(np.sum(list(world.groups.values()), axis=0), 1)
    members = world.candidates[world.groups["unlearned"] | world.groups["retained"]]
    assert world.graph.train_nodes.tolist() == sorted([*members, *world.known])
    assert world.candidates.tolist() == sorted(world.candidates)
    assert sorted(graph.labels[world.known]) == [0, 1, 2, 3]
    assert not np.isin(world.known, world.candidates).any()
    assert (world.graph.val_nodes.size, world.graph.test_nodes.size) == (20, 41)
    outside = np.concatenate([world.graph.val_nodes, world.graph.test_nodes])
    assert not np.isin(graph.node_ids[world.candidates], outside).any()


def test_what_remains_is_the_graph_without_the_labels_that_go():
    world = draw_world(generate_graph(100, seed=1), 0.2, seed=0)
    gone = world.graph.node_ids[world.candidates[world.groups["unlearned"]]]
    assert sorted(world.removal.labels) == gone.tolist()
    assert set(world.graph.train_nodes) - set(world.remaining.train_nodes) == set(gone)
    assert world.remaining.edges.tolist() == world.graph.edges.tolist()


def test_names_and_missing_labels_are_kept_apart_from_positions():
    plain = generate_graph(60, num_classes=2, seed=2)
    names = np.array([f"n{i:03}" for i in range(60)])
    labels = np.where(np.arange(60) % 3 == 0, "", np.where(plain.labels == 0, "odd", "even"))
    graph = Graph.from_edges(names[plain.edges], features=plain.features, labels=labels, node_ids=names)
    world = draw_world(graph, 0.1, seed=0)
    assert not np.any(world.candidates % 3 == 0)
    assert graph.classes[world.classes].tolist() == labels[world.candidates].tolist()


def test_memberships_depend_on_the_seed_and_on_no_split_of_the_graph():
    graph = generate_graph(200, seed=1)
    one, same, other = (draw_world(g, 0.1, s) for g, s in ((graph, 0), (graph.with_splits(), 0), (graph, 1)))
    for name in one.groups:
        np.testing.assert_array_equal(one.groups[name], same.groups[name])
    assert one.graph.train_nodes.tolist() == same.graph.train_nodes.tolist()
    assert one.graph.train_nodes.tolist() != other.graph.train_nodes.tolist()


def test_each_candidate_is_in_half_of_the_shadow_models_whoever_is_a_member():
    halves = draw_halves(301, 16, seed=3)
    np.testing.assert_array_equal(halves.sum(axis=0), 8)
    # Models differ in size as coins do, and memberships of two models agree on about half of the candidates.
    assert abs(halves.mean(axis=1) - 0.5).max() < 0.1
    world = draw_world(generate_graph(430, seed=1), 0.1, seed=3)
    for group in world.groups.values():
        assert abs(draw_halves(world.candidates.size, 64, 3)[:, group].mean() - 0.5) < 1e-9


@pytest.mark.parametrize(
    ("graph", "ratio", "said"),
    [
        (generate_graph(60, seed=1), 0, "ratio: expected a number above 0 and below 1, got 0"),
        (generate_graph(60, seed=1), True, "ratio: expected"),
        (generate_graph(60, seed=1), 0.99, "ratio: 0.99 unlearns all 19 training labels"),
        (
            generate_graph(15, average_degree=2, seed=1),
            0.1,
            "15 nodes have a label, .* classes, 40; leave rare",
        ),
        (Graph.from_edges([(0, 1)], labels=np.zeros(40, int)), 0.1, "fewer than two classes"),
    ],
)
def test_graphs_and_ratios_of_which_no_world_can_be_drawn_are_refused(graph, ratio, said):
    with pytest.raises(InputError, match=said):
        check_world(graph, ratio)


@pytest.mark.parametrize("shadows", [0, 2, 7, True, 4.0, 2000])
def test_numbers_of_shadow_models_that_cannot_be_halved_are_refused(shadows):
    with pytest.raises(InputError, match="shadows: expected an even integer from 4"):
        check_shadows(shadows)
