"""An imported graph is the graph of `Graph.from_edges` and of `read_tables`, whatever it came from."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.graph.importing.conftest import ARRAYS, TABULAR, write_source

from oubli import Graph, Removal
from oubli.graph import generate_graph, import_graph, load_graph, read_npz, read_tables, write_npz
from oubli.graph.disk import open_graph, read_graph_manifest
from oubli.graph.importing import bucketing, rows, run
from oubli.models import SGCRidge

REST = ("features", "labels", "train", "val", "test")


def attributes(raw):
    return {name: raw[name] for name in REST}


@pytest.mark.parametrize(
    ("kind", "memory"), [*((kind, 4096) for kind in (*TABULAR, *ARRAYS)), ("text", 2**20), ("npy", 2**20)]
)
def test_every_source_gives_the_same_graph(raw, plain, tmp_path, assert_same_graph, kind, memory):
    report = import_graph(
        write_source(kind, raw["edges"], tmp_path), tmp_path / "graph", memory=memory, **attributes(raw)
    )
    graph = open_graph(tmp_path / "graph")
    assert_same_graph(graph, plain)
    assert graph.adjacency.neighbours.tolist() == plain.adjacency.neighbours.tolist()
    assert (report.nodes, report.edges, report.arcs) == (60, plain.num_edges, 2 * plain.num_edges)
    assert (report.entries, report.self_loops) == (len(raw["edges"]), 0)
    assert report.duplicates == len(raw["edges"]) - plain.num_edges
    assert not (tmp_path / "graph.importing").exists()


@pytest.mark.parametrize("kind", TABULAR)
@pytest.mark.parametrize("name", ["{}", "n{}", "-{}", "{}é", "007{}", "9223372036854{}"])
def test_tables_have_the_ends_of_the_edges_for_nodes(raw, tmp_path, assert_same_graph, kind, name):
    edges = [(name.format(u), name.format(v)) for u, v in raw["edges"][:90].tolist()]
    source = write_source(kind, np.array(edges), tmp_path)
    import_graph(source, tmp_path / "graph", memory=2**16)
    if kind == "gzip":
        source = write_source("text", np.array(edges), tmp_path)
    assert_same_graph(open_graph(tmp_path / "graph"), read_tables(source))


@pytest.mark.parametrize("reorder", [None, "degree", "bfs"])
def test_a_model_has_the_same_digest(raw, plain, tmp_path, reorder):
    import_graph(raw["edges"], tmp_path / "graph", memory=4096, reorder=reorder, **attributes(raw))
    model, other = SGCRidge().fit(load_graph(tmp_path / "graph")), SGCRidge().fit(plain)
    assert model.digest() == other.digest()
    for request in (Removal(edges=plain.edges[:9]), Removal(nodes=[7, 3], features=[1], labels=[])):
        model.unlearn(request)
        other.unlearn(request)
        assert model.digest() == other.digest()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_edges_in_any_order_through_any_buckets(data, tmp_path_factory, assert_same_graph):
    nodes = data.draw(st.integers(1, 40))
    end = st.integers(0, nodes - 1)
    edges = np.array(data.draw(st.lists(st.tuples(end, end), max_size=120)), np.int64).reshape(-1, 2)
    kind = data.draw(st.sampled_from([*TABULAR, *ARRAYS])) if len(edges) > 2 else "array"
    scale = data.draw(st.sampled_from([1, -3, 2**40])) if kind in TABULAR else 1
    folder = tmp_path_factory.mktemp("any")
    source = write_source(kind, edges * scale, folder)
    known = {} if kind in TABULAR else {"num_nodes": nodes}
    reorder = data.draw(st.sampled_from([None, "degree", "bfs"]))
    share, files = data.draw(st.sampled_from([48, 2048, 200_000])), data.draw(st.sampled_from([2, 3, 512]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SHARE", share)
        patch.setattr(bucketing, "FILES", files)
        patch.setattr(rows, "SPLIT", 2)
        report = import_graph(source, folder / "graph", memory=4096, reorder=reorder, **known)
    loops = edges[:, 0] == edges[:, 1]
    ids = np.unique(edges * scale) if kind in TABULAR else np.arange(nodes)
    assert_same_graph(open_graph(folder / "graph"), Graph.from_edges((edges * scale)[~loops], node_ids=ids))
    assert (report.entries, report.self_loops) == (len(edges), loops.sum())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("name", ["{}", "node {}"])
def test_a_node_table(raw, tmp_path, assert_same_graph, suffix, name):
    ids = [name.format(i) for i in np.random.default_rng(1).permutation(60).tolist()]
    split = [next((s for s in ("train", "val", "test") if raw[s][i]), "") for i in range(60)]
    labels = ["" if label < 0 else f"class {label}" for label in raw["labels"].tolist()]
    columns = {"label": labels, "id": ids, "x": raw["features"][:, 0], "split": split, "y": raw["features"][:, 1]}
    mark = "\t" if suffix == "tsv" else ","
    nodes, edges = tmp_path / f"nodes.{suffix}", tmp_path / "edges.csv"
    if suffix == "parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table(columns), nodes)
    else:
        lines = [mark.join(columns), *(mark.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        nodes.write_text("\n".join(lines) + "\n")
    edges.write_text("".join(f"{name.format(u)},{name.format(v)}\n" for u, v in raw["edges"].tolist()))
    plain = read_tables(edges, nodes)
    for at, reorder in enumerate((None, "bfs")):
        import_graph(edges, tmp_path / f"graph{at}", nodes=nodes, memory=2**16, reorder=reorder)
        assert_same_graph(open_graph(tmp_path / f"graph{at}"), plain)
        assert open_graph(tmp_path / f"graph{at}").labels.dtype == plain.labels.dtype


def test_a_folder_of_tables(tmp_path, assert_same_graph):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "edges.csv").write_text("source,weight,target\na,1,b\nb,2,c\n")
    (folder / "nodes.csv").write_text("id,label,split,x\na,3,train,0.5\nb,,,1\nc,4,val,2\nd,-1,,0\n")
    import_graph(folder, tmp_path / "graph")
    assert_same_graph(open_graph(tmp_path / "graph"), read_tables(folder))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_an_archive_with_all_it_has(raw, tmp_path, assert_same_graph, sparse, named):
    ids = [f"n{i:02}" for i in np.random.default_rng(2).permutation(60)] if named else None
    features = sp.csr_array(np.maximum(raw["features"], 0)) if sparse else raw["features"]
    edges = np.array(ids)[raw["edges"]] if named else raw["edges"]
    write_npz(Graph.from_edges(edges, node_ids=ids, **attributes(raw) | {"features": features}), tmp_path / "a.npz")
    for at, reorder in enumerate((None, "degree")):
        import_graph(tmp_path / "a.npz", tmp_path / f"graph{at}", memory=4096, reorder=reorder)
        assert_same_graph(open_graph(tmp_path / f"graph{at}"), read_npz(tmp_path / "a.npz"))


def test_files_of_features_labels_and_splits(raw, plain, tmp_path, assert_same_graph):
    for name in ("edges", "features", "labels"):
        np.save(tmp_path / f"{name}.npy", raw[name])
    np.savez(tmp_path / "splits.npz", train=raw["train"], val=np.flatnonzero(raw["val"]), test=raw["test"])
    paths = {name: tmp_path / f"{name}.npy" for name in ("features", "labels")}
    import_graph(tmp_path / "edges.npy", tmp_path / "graph", splits=tmp_path / "splits.npz", memory=4096, **paths)
    assert_same_graph(open_graph(tmp_path / "graph"), plain)


def test_labels_across_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr("oubli.graph.importing.given.BLOCK", 3)
    for labels in ([9, 9, 9, -4, 2, 9, 2, 5], np.array(["b", "", "a", "dd", "b", "c", "", "a"])):
        folder = tmp_path / f"graph-{labels[0]}"
        import_graph([(0, 7)], folder, labels=np.asarray(labels))
        plain = Graph.from_edges([(0, 7)], labels=labels)
        assert open_graph(folder).labels.tolist() == plain.labels.tolist()
        assert open_graph(folder).classes.tolist() == plain.classes.tolist()


def test_large_ids_in_arrays_are_names(tmp_path):
    edges = np.array([[2**40, -5], [2**40, 3]])
    assert import_graph(edges, tmp_path / "graph").ids == "sparse"
    assert open_graph(tmp_path / "graph").node_ids.tolist() == [-5, 3, 2**40]


def test_strings_in_arrays_are_strings(tmp_path):
    import_graph(np.array([["1", "2"], ["2", "3"]]), tmp_path / "graph")
    assert open_graph(tmp_path / "graph").node_ids.tolist() == ["1", "2", "3"]


def test_nothing_at_all(tmp_path):
    assert import_graph(np.empty((0, 2), int), tmp_path / "none").nodes == 0
    assert open_graph(tmp_path / "none").num_nodes == 0
    assert import_graph([], tmp_path / "five", num_nodes=5, reorder="bfs").nodes == 5
    assert open_graph(tmp_path / "five").num_edges == 0


def test_what_the_manifest_says(raw, tmp_path):
    report = import_graph(raw["edges"], tmp_path / "graph", features=raw["features"])
    manifest = read_graph_manifest(tmp_path / "graph")
    assert manifest.notes["import"] == report.to_dict()
    assert (manifest.nodes, manifest.arcs, manifest.features) == (60, report.arcs, 5)


def test_progress_goes_to_the_end(raw, tmp_path):
    told = []
    import_graph(
        write_source("npy", raw["edges"], tmp_path),
        tmp_path / "graph",
        memory=4096,
        reorder="bfs",
        features=raw["features"],
        progress=lambda *step: told.append(step),
    )
    stages = [stage for stage, _ in itertools.groupby(told, lambda step: step[0])]
    assert stages == ["nodes", "edges", "rows", "order", "features", "checksums"]
    for stage in stages[1:]:
        done = [step[1:] for step in told if step[0] == stage]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]


def test_a_graph_of_an_ordinary_size(tmp_path, assert_same_graph):
    plain = generate_graph(num_nodes=3000, average_degree=8, seed=4)
    edges = np.concatenate([plain.edges, plain.edges[:, ::-1]])
    np.random.default_rng(0).shuffle(edges)
    parts = {name: getattr(plain, f"{name}_nodes") for name in ("train", "val", "test")}
    import_graph(edges, tmp_path / "g", features=plain.features, labels=plain.labels, memory=2**16, **parts)
    assert_same_graph(load_graph(tmp_path / "g"), plain)
