import json
import subprocess
import sys

import numpy as np
import pytest
from benchmarks import results
from benchmarks.scale import rows, source
from benchmarks.scale.__main__ import main
from benchmarks.scale.figure import draw_figure
from benchmarks.scale.growth import Curve, curves, table_rows
from benchmarks.scale.processes import _peaks, _watch
from benchmarks.scale.requests import draw_requests, read_first, read_request, read_scored
from benchmarks.scale.sizes import Size, check_room, parse_size
from benchmarks.scale.tables import Results

from oubli.graph import Graph, generate_graph
from oubli.graph.disk import write_graph
from oubli.models import SGCRidge

SIZE = Size(400_000, 4)


def read(files):
    return {name: np.load(file) for name, file in files.items()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return read(source.write_source(SIZE, tmp_path_factory.mktemp("source"), threads=1))


def test_a_source_does_not_depend_on_who_draws_it(drawn, tmp_path):
    for name, array in read(source.write_source(SIZE, tmp_path, threads=3)).items():
        assert array.tobytes() == drawn[name].tobytes(), name


def test_a_source_is_as_described(drawn):
    edges, labels = drawn["edges"], drawn["labels"]
    assert edges.shape == (SIZE.pairs, 2)
    assert edges.min() >= 0
    assert edges.max() < SIZE.nodes
    assert len(set(np.bincount(labels))) == 1
    assert 0.5 < np.mean(labels[edges[:, 0]] == labels[edges[:, 1]]) < 0.6
    masks = np.array([drawn[name] for name in source.SPLITS])
    assert (masks.sum(axis=0) == 1).all()
    assert masks.mean(axis=1) == pytest.approx([0.1, 0.1, 0.8], abs=0.01)
    means = np.array([drawn["features"][labels == c].mean(axis=0) for c in range(source.CLASSES)])
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, atol=0.1)
    graph = Graph.from_edges(edges[edges[:, 0] != edges[:, 1]], labels=labels)
    assert graph.adjacency.num_arcs == pytest.approx(SIZE.arcs, rel=0.02)
    hubs = np.argsort(graph.adjacency.count)[-100:]
    assert graph.adjacency.count[hubs].min() > 10 * graph.adjacency.count.mean()
    assert (np.bincount(hubs * 4 // SIZE.nodes, minlength=4) > 10).all()


def test_requests_can_be_honoured_in_any_order(tmp_path):
    graph = generate_graph(num_nodes=3000, num_features=4, average_degree=20, seed=2)
    write_graph(graph, tmp_path / "graph")
    file = tmp_path / "requests.npz"
    cases = draw_requests(tmp_path / "graph", file, draws=2, processes=3)
    assert cases == [("edge", 1), ("edge", 100), ("node", 1), ("node", 100)]
    requests = [read_request(file, kind, size, draw) for kind, size in cases for draw in (1, 0)]
    requests += [read_first(file, process) for process in range(3)]
    model = SGCRidge().fit(graph)
    removed = [model.unlearn(requests[at]).removed for at in np.random.default_rng(0).permutation(len(requests))]
    assert sum(one["nodes"] for one in removed) == 2 * 101
    edges = [tuple(sorted(edge)) for request in requests for edge in request.edges]
    assert len(edges) == len(set(edges)) == 2 * 101 + 3
    assert set(read_scored(file)) <= set(model.graph_.test_nodes)


def test_edges_are_drawn_evenly(tmp_path):
    """A hub's edges as often as others: by the edge, not by a node and then one of its edges."""
    star = [(0, leaf) for leaf in range(1, 1001)]
    pairs = [(node, node + 1) for node in range(1001, 21_001, 2)]
    graph = Graph.from_edges(star + pairs, features=np.ones((21_001, 1)), labels=np.zeros(21_001, int))
    write_graph(graph, tmp_path / "graph")
    draw_requests(tmp_path / "graph", tmp_path / "requests.npz", draws=10, processes=0)
    chosen = np.concatenate([read_request(tmp_path / "requests.npz", "edge", 100, d).edges for d in range(10)])
    assert 50 < np.count_nonzero(chosen.min(axis=1) == 0) < 140  # of 1,000 drawn, 91 expected


def test_the_whole_path_at_a_small_size(tmp_path, capsys):
    """Engines that keep rows elsewhere end with the same bytes, and a size measured again replaces its rows alone."""
    scratch, folder = tmp_path / "scratch", tmp_path / "results"
    kept = {"name": "7K", "arcs": 7000, "features": 4, "engine": "memory", "phase": "fit", "wall": {"median": 1.0}}
    Results("trial", folder).put(Size(7000, 4), "memory", {"phases": [kept]})
    options = ["--rounds", "1", "--draws", "1", "--threads", "1", "--memory", "4", "--engines", "memory", "mmap"]
    places = ["--scratch", str(scratch), "--folder", str(folder), "--name", "trial"]
    main(["--sizes", "20K", "--features", "4", *options, *places])
    assert not list(scratch.iterdir())
    document = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
    assert (folder / "trial.md").read_text(encoding="utf-8") == results.render(document)
    found = Results("trial", folder).rows
    digests = found["digests"]
    assert [row["engine"] for row in digests] == ["memory", "mmap"]
    assert all(row["engines_equal"] and row["resolved_equal"] and row["verified"] for row in digests)
    assert digests[0]["fitted"] != digests[0]["forgot"]
    assert {row["name"] for row in found["phases"]} == {"7K", "20K"}
    phases = {row["phase"] for row in found["phases"] if row["engine"] == "mmap"}
    assert {"fit", "save", "load", "load, pages dropped", "re-solve", "verify"} <= phases
    cases = {(row["engine"], row["kind"], row["size"], row["cold"]) for row in found["removals"]}
    assert {("mmap", "edge", 1, True), ("mmap", "edge", 1, False), ("memory", "node", 1, False)} <= cases
    assert all(row["anon"] > 1 and row["ratio"] > 0 for row in found["removals"])
    assert (folder / "trial.svg").exists()


@pytest.mark.slow
@pytest.mark.slow_sample
def test_the_path_of_the_billion_at_two_million(tmp_path):
    main(["--quick", "--rounds", "1", "--draws", "1", "--folder", str(tmp_path), "--name", "trial"])
    digests = Results("trial", tmp_path).rows["digests"]
    assert [(row["name"], row["engine"]) for row in digests] == [("2M", "memory"), ("2M", "mmap")]
    assert all(row["engines_equal"] and row["resolved_equal"] and row["verified"] for row in digests)


@pytest.mark.slow
def test_the_whole_path_on_dask(tmp_path, capsys):
    options = ["--rounds", "1", "--draws", "1", "--threads", "1", "--engines", "memory", "dask", "--no-verify"]
    main(["--sizes", "20K", "--features", "4", *options, "--folder", str(tmp_path), "--name", "trial"])
    found = Results("trial", tmp_path).rows
    assert all(row["engines_equal"] and row["resolved_equal"] for row in found["digests"])
    assert {row["partitions"] for row in found["halo"]} == {1, 2, 4}
    assert len({row["digest"] for row in found["halo"]}) == 1
    fits = {row["partitions"]: row for row in found["halo"] if row["kind"] == "fit"}
    assert fits[1]["shard"] > fits[2]["shard"] > fits[4]["shard"]
    assert fits[1]["sent_rows"] == 0 < fits[2]["sent_rows"]


def account(**given):
    wall = {"wall": 1.0, "cpu": 1.0, "begin": 0.0, "end": 1.0} | dict.fromkeys(rows.BYTES, 0)
    return wall | given


def forgotten(digest):
    mark = account(name="unlearn", kind="edge", size=1, cold=False, reached=[2, 9], changed=3, path="local", edges=1)
    return {"marks": [mark], "weights": digest, "digest": digest, "accuracy": 50.0, "hwm": 1}


def measured(digest, resolved):
    fitted = {"marks": [account(name="fit")], "digest": "f", "accuracy": 50.0, "nodes": 1, "found_arcs": 1}
    fitted |= {"largest_degree": 1, "engine_why": ""}
    solved = {"marks": [account(name="re-solve", wall=8.0)], "weights": resolved, "digest": resolved}
    found = rows.of_engine(fitted, [forgotten("a"), forgotten(digest)], [solved], {"marks": [], "identical": None})
    found["digests"][0]["requests"] = "r"
    return found


def test_other_bytes_are_seen(tmp_path):
    """Of a re-solve, and of another engine: the tables say no."""
    right, wrong = measured("b", "b"), measured("c", "b")
    assert right["digests"][0]["resolved_equal"]
    assert not wrong["digests"][0]["resolved_equal"]
    assert right["removals"][0]["ratio"] == 8
    trial = Results("trial", tmp_path)
    trial.put(Size(20_000, 4), "memory", right)
    assert trial.rows["digests"][0]["engines_equal"] is None
    trial.put(Size(20_000, 4), "mmap", right)
    assert [row["engines_equal"] for row in trial.rows["digests"]] == [True, True]
    target = trial.put(Size(20_000, 4), "mmap", wrong)
    assert [row["engines_equal"] for row in trial.rows["digests"]] == [False, False]
    assert "**no**" in target.read_text(encoding="utf-8")
    # After other requests other bytes are right.
    wrong["digests"][0]["requests"] = "s"
    trial.put(Size(20_000, 4), "mmap", wrong)
    assert [row["engines_equal"] for row in trial.rows["digests"]] == [True, True]


def test_memory_of_a_process_that_a_process_started_counts():
    hold = "import time; held = bytearray(b'1' * 90_000_000); time.sleep(0.4)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    samples = _watch(subprocess.Popen([sys.executable, "-c", code]))
    begin, end = samples[0][0], samples[-1][0]
    assert 80e6 < _peaks(samples, begin, end)["anon"] < 250e6
    assert _peaks(samples, begin, begin)["anon"] < 60e6


def test_peaks_are_of_the_samples_about_a_stretch():
    samples = [(0.0, 9, 1), (1.0, 2, 5), (2.0, 3, 3), (3.0, 1, 2), (4.0, 8, 8)]
    assert _peaks(samples, 1.2, 1.4) == {"anon": 3, "rss": 5}
    assert _peaks(samples, 1.5, 2.5) == {"anon": 3, "rss": 5}
    assert _peaks([], 0, 1) == {"anon": 0, "rss": 0}


def power(exponent):
    given = {"features": 4, "engine": "mmap", "cold": False, "path": "local", "kind": "edge", "size": 100}
    return [
        given | {"arcs": arcs, "reached": [arcs], "wall": {"median": 1e-6 * arcs**exponent}}
        for arcs in (10**6, 10**7, 10**8)
    ]


def test_exponents_are_those_of_the_powers():
    phases = [{**row, "phase": "re-solve"} for row in power(1.0)]
    found = {(row["what"], row["against"]): row for row in table_rows({"phases": phases, "removals": power(0.25)})}
    flat = found["unlearn 100 edges", "edges of the graph"]
    assert flat["exponent"] == pytest.approx(0.25)
    assert flat["interval"] == "0.25 .. 0.25"
    assert flat["points"] == 3
    assert found["re-solve", "edges of the graph"]["exponent"] == pytest.approx(1)
    assert ("unlearn edges", "size of the change, largest graph") not in found  # of one size
    assert Curve("fit", "edges of the graph", "mmap", 4, [(1.0, 1.0), (10.0, 100.0)]).exponent() == (2, None, None)
    assert Curve("fit", "edges of the graph", "mmap", 4, [(1.0, 1.0)]).exponent() == (None, None, None)


def test_what_was_computed_whole_is_not_fitted():
    removals = power(0.25)
    removals[0] |= {"path": "hops from 1 on and the sums computed whole", "wall": {"median": 100.0}}
    (curve,) = [c for c in curves({"phases": [], "removals": removals}) if c.what == "unlearn 100 edges"]
    assert len(curve.points) == 3
    assert curve.exponent()[0] == pytest.approx(0.25)


def test_the_figure_is_the_same_twice(tmp_path):
    pytest.importorskip("matplotlib")
    phases = [{**row, "phase": "re-solve"} for row in power(1.0)]
    for name in ("a.svg", "b.svg"):
        draw_figure({"phases": phases, "removals": power(0.25)}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_sizes_are_read_and_refused():
    assert [parse_size(text) for text in ("2M", "1g", "50K", "12345")] == [2 * 10**6, 10**9, 50_000, 12345]
    assert [Size(arcs, 4).name for arcs in (2 * 10**6, 10**9, 50_000, 12345)] == ["2M", "1000M", "50K", "12345"]
    for text in ("10", "M", "9G", "-1M"):
        with pytest.raises(ValueError, match=r"sizes: expected|invalid literal"):
            parse_size(text)


def test_a_disk_that_would_not_do_is_said_at_once(tmp_path):
    with pytest.raises(SystemExit, match=r"4000M arcs with 100000 features take .* GiB, and .* are free"):
        check_room(Size(4 * 10**9, 100_000), tmp_path, engines=1, keep=False)


def test_room_is_foretold(drawn, tmp_path):
    files = source.write_source(SIZE, tmp_path / "source", threads=1)
    headers = 128
    assert sum(file.stat().st_size for file in files.values()) <= SIZE.source_bytes() + headers * len(files)
    edges = drawn["edges"][drawn["edges"][:, 0] != drawn["edges"][:, 1]]
    graph = Graph.from_edges(edges, features=drawn["features"], labels=drawn["labels"], train=drawn["train"])
    write_graph(graph, tmp_path / "graph")
    size = sum(file.stat().st_size for file in (tmp_path / "graph").iterdir())
    assert size == pytest.approx(SIZE.graph_bytes(), rel=0.02)
