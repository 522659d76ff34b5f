"""Generated graphs: what was asked for is what comes, and the same seed gives the same bytes."""

import time

import numpy as np
import pytest

from oubli.errors import InputError
from oubli.graph import generate_graph, label_features, rmat_edges
from oubli.graph.generate import ROWS, feature_blocks
from oubli.graph.rmat import Rmat


def homophily_of(graph):
    of = dict(zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True))
    return np.mean([of[u] == of[v] for u, v in graph.edges.tolist()])


@pytest.mark.parametrize("homophily", [0.0, 0.1, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("num_classes", [2, 7])
def test_homophily_is_the_one_asked_for(homophily, num_classes):
    graph = generate_graph(num_nodes=800, num_classes=num_classes, homophily=homophily, average_degree=9, seed=3)
    assert graph.num_edges == 3600
    assert homophily_of(graph) == pytest.approx(homophily, abs=1 / 3600)
    assert graph.classes.tolist() == list(range(num_classes))


def test_degrees_have_a_heavy_tail():
    graph = generate_graph(num_nodes=5000, average_degree=8, seed=1)
    degrees = np.bincount(graph.edges.ravel(), minlength=5000)
    assert degrees.mean() == 8
    assert degrees.max() > 10 * degrees.mean()
    assert np.median(degrees) < degrees.mean()
    lighter = generate_graph(num_nodes=5000, average_degree=8, seed=1, degree_exponent=6)
    assert np.bincount(lighter.edges.ravel()).max() < degrees.max() / 2


def test_splits_are_disjoint_and_of_the_sizes_asked_for():
    graph = generate_graph(num_nodes=200, train=0.3, val=0.2, seed=5)
    parts = [graph.train_nodes, graph.val_nodes, graph.test_nodes]
    assert [part.size for part in parts] == [60, 40, 100]
    assert sorted(np.concatenate(parts).tolist()) == list(range(200))


def test_features_tell_the_label_after_averaging_and_hardly_before():
    graph = generate_graph(num_nodes=2000, num_classes=4, num_features=32, feature_noise=1.0, seed=2)
    x, y = graph.features, graph.labels
    means = np.array([x[y == c].mean(axis=0) for c in range(4)])

    def accuracy(rows):
        return np.mean(((rows[:, None] - means) ** 2).sum(axis=2).argmin(axis=1) == y)

    sums = x.copy()
    np.add.at(sums, graph.edges[:, 0], x[graph.edges[:, 1]])
    np.add.at(sums, graph.edges[:, 1], x[graph.edges[:, 0]])
    averages = sums / (1 + np.bincount(graph.edges.ravel(), minlength=2000))[:, None]
    assert accuracy(x) < 0.75
    assert accuracy(averages) > accuracy(x) + 0.1


def test_same_seed_same_graph_and_no_global_state(assert_same_graph):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    one, two = generate_graph(num_nodes=300, seed=11), generate_graph(num_nodes=300, seed=11)
    assert_same_graph(one, two)
    assert one.features.tobytes() == two.features.tobytes()
    other = generate_graph(num_nodes=300, seed=12)
    assert other.edges.tolist() != one.edges.tolist()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_a_hundred_thousand_nodes_in_seconds():
    start = time.perf_counter()
    graph = generate_graph(num_nodes=100_000, average_degree=10)
    assert graph.num_edges == 500_000
    assert time.perf_counter() - start < 10  # about one, on a machine of its own


def test_a_dense_small_graph_is_possible():
    graph = generate_graph(num_nodes=40, num_classes=4, average_degree=8, homophily=0.8, seed=4)
    assert graph.num_edges == 160
    assert homophily_of(graph) == pytest.approx(0.8)
    assert generate_graph(num_nodes=2, num_classes=1, average_degree=0).num_edges == 0
    complete = generate_graph(num_nodes=60, num_classes=1, average_degree=59, homophily=1.0)
    assert complete.num_edges == 60 * 59 // 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_nodes": 1}, "num_nodes >= 2"),
        ({"homophily": 1.5}, "homophily in"),
        ({"homophily": float("nan")}, "homophily in"),
        ({"average_degree": -1}, "average_degree >= 0"),
        ({"degree_exponent": 2}, "degree_exponent > 2"),
        ({"train": 0.8, "val": 0.3}, r"train \+ val <= 1"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
        ({"num_nodes": 20, "average_degree": 18, "homophily": 0.9}, "only .* such pairs; lower average_degree"),
        ({"num_classes": 1, "homophily": 0.5}, "only 0 such pairs"),
    ],
)
def test_what_cannot_be_had_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        generate_graph(**arguments)


def test_label_features():
    labels = np.array([0, 2, 2, -1, 0])
    exact = label_features(labels, num_features=16, noise=0.0, seed=1)
    assert exact.dtype == np.float32
    assert exact.shape == (5, 16)
    np.testing.assert_array_equal(exact[1], exact[2])
    np.testing.assert_array_equal(exact[0], exact[4])
    assert not exact[3].any()
    np.testing.assert_allclose(np.linalg.norm(exact[[0, 1]], axis=1), 1, rtol=1e-6)
    noisy = label_features(np.zeros(4000, int), num_features=8, noise=0.5, seed=1)
    assert noisy.std(axis=0) == pytest.approx(0.5, rel=0.1)
    assert noisy.tobytes() == label_features(np.zeros(4000, int), num_features=8, noise=0.5, seed=1).tobytes()
    with pytest.raises(InputError, match="expected integers"):
        label_features([0.5])


def test_rmat():
    edges = rmat_edges(10, edge_factor=8, seed=7)
    assert edges.dtype == np.int64
    assert edges.shape[1] == 2
    assert (edges[:, 0] < edges[:, 1]).all()
    assert edges.max() < 1024
    assert len({tuple(e) for e in edges.tolist()}) == len(edges)
    assert 4000 < len(edges) < 8192
    assert edges.tolist() == sorted(edges.tolist())
    np.testing.assert_array_equal(edges, rmat_edges(10, edge_factor=8, seed=7))
    assert len(rmat_edges(10, edge_factor=8, seed=8)) != len(edges)
    degrees = np.bincount(edges.ravel())
    assert degrees.max() > 10 * degrees.mean()
    assert rmat_edges(0).shape == (0, 2)


def test_rmat_quadrants_have_their_shares():
    # One level alone: the chances of the quadrants are the shares of the arcs; those on the diagonal are loops.
    even = rmat_edges(12, edge_factor=8, a=0.25, b=0.25, c=0.25, seed=3)
    assert len(even) > 0.98 * 8 * 4096
    assert np.mean(even[:, 0] < 2048) == pytest.approx(0.75, abs=0.02)
    corner = rmat_edges(6, edge_factor=4, a=0.0, b=1.0, c=0.0)
    assert corner.tolist() == [[0, 63]]
    with pytest.raises(InputError, match=r"a \+ b \+ c <= 1"):
        rmat_edges(4, a=0.9)
    with pytest.raises(InputError, match="scale"):
        rmat_edges(31)


def drawn_one_after_the_other(scale, pairs, a, b, c, seed):
    """R-MAT as it is told: for each pair and level one draw, in blocks, from one generator."""
    rng, blocks = np.random.Generator(np.random.PCG64(seed)), []
    for start in range(0, pairs, 65536):
        u, v = np.zeros((2, min(65536, pairs - start)), np.int64)
        for _ in range(scale):
            draw = rng.random(u.size, dtype=np.float32)
            u = 2 * u + (draw >= a + b)
            v = 2 * v + (((draw >= a) & (draw < a + b)) | (draw >= a + b + c))
        blocks.append(np.column_stack([u, v]))
    return np.concatenate(blocks)


@pytest.mark.parametrize(("scale", "pairs"), [(13, 200_001), (30, 65_537), (1, 70_000)])
def test_blocks_of_rmat_are_drawn_without_those_before_them(scale, pairs):
    expected = drawn_one_after_the_other(scale, pairs, 0.57, 0.19, 0.19, seed=5)
    drawn = Rmat(scale, pairs, seed=5)
    for at in reversed(range(drawn.blocks)):
        np.testing.assert_array_equal(drawn.block(at), expected[at * 65536 : (at + 1) * 65536])


def test_rmat_edges_are_those_of_the_blocks():
    pairs = drawn_one_after_the_other(14, 8 << 14, 0.5, 0.2, 0.2, seed=9)
    expected = {(min(u, v), max(u, v)) for u, v in pairs.tolist() if u != v}
    assert [tuple(edge) for edge in rmat_edges(14, 8, 0.5, 0.2, 0.2, seed=9).tolist()] == sorted(expected)


def test_feature_rows_come_in_blocks():
    labels = np.random.default_rng(0).integers(-1, 4, 3 * ROWS + 5)
    blocks = list(feature_blocks(labels, 3, 0.5, seed=8))
    assert [len(block) for block in blocks] == [ROWS, ROWS, ROWS, 5]
    assert np.concatenate(blocks).tobytes() == label_features(labels, 3, 0.5, seed=8).tobytes()
