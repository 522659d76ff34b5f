"""What cannot be imported is told with its place, and leaves nothing behind."""

import gzip
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import scipy.sparse as sp
from tests.graph.importing.conftest import files_below

from oubli.errors import CapacityError, InputError, UnknownNodeError
from oubli.graph import generate_graph, import_graph, load_graph, read_npz, write_npz
from oubli.graph.disk import open_graph

EDGES = np.array([[0, 1], [1, 2], [2, 3]])


def refused(match, edges, tmp_path, error=InputError, **options):
    before = files_below(tmp_path)
    with pytest.raises(error, match=match):
        import_graph(edges, tmp_path / "graph", **options)
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\nb,c,d\nc,a\n", r"line 2: 3 columns, but line 1 has 2"),
        ("a,b\n\n# no\nb\nc,a\n", r"line 4: 1 columns, but line 1 has 2"),
        ("a,b\nb,\n", r"line 2: an id is empty"),
        ("a,b,c\n", r"line 1: an edge list has 2 columns, not 3"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("1 2\n2 3\n3", r"line 3: the last line is cut off"),
        ('a,b\n"c,d\n', r"after line 2: .*mend the quotes"),
        ('a,b\n"c,d\n', r"edges"),
        ("a,b\nb,\x00c\n", r"line 2: id .*NUL"),
        (f"a,b\nb,{'c' * 2000}\n", r"line 2: id .*1,024 characters"),
        ('#c\na,b\n"#a",b\n', r"line 1: a comment, or an edge of a node such as '#a'"),
    ],
)
def test_bad_text(tmp_path, text, match, ending):
    path = tmp_path / f"edges.csv{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending else text.encode())
    refused(match, path, tmp_path)


def test_text_in_another_encoding(tmp_path):
    (tmp_path / "edges.csv").write_bytes("é,b\n".encode("latin-1"))
    refused("not text in UTF-8", tmp_path / "edges.csv", tmp_path)


def test_a_bad_line_far_down(tmp_path):
    lines = [f"{k},{k + 1}" for k in range(5000)]
    lines[4321] += ",7"
    (tmp_path / "edges.csv").write_text("\n".join(lines) + "\n")
    refused("line 4322: 3 columns", tmp_path / "edges.csv", tmp_path, memory=2**16)


def test_a_last_line_without_an_end_is_told(tmp_path):
    (tmp_path / "edges.csv").write_text("1,2\n2,3")
    with pytest.warns(UserWarning, match=r"edges\.csv: the last line has no line end"):
        import_graph(tmp_path / "edges.csv", tmp_path / "graph")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_files_that_are_cut_off(tmp_path, share):
    edges = np.random.default_rng(0).integers(0, 1000, (4000, 2))
    text = "".join(f"{u} {v}\n" for u, v in edges.tolist()).encode()
    (tmp_path / "edges.txt.gz").write_bytes(gzip.compress(text))
    np.save(tmp_path / "edges.npy", edges)
    np.savez_compressed(tmp_path / "edges.npz", edge_index=edges.T)
    pyarrow.parquet.write_table(pyarrow.table({"a": edges[:, 0], "b": edges[:, 1]}), tmp_path / "edges.parquet")
    for path in list(tmp_path.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        refused(path.name, path, tmp_path, memory=2**16)


def test_a_damaged_archive(tmp_path):
    path = tmp_path / "edges.npz"
    np.savez(path, edge_index=EDGES.T)
    content = bytearray(path.read_bytes())
    content[content.index(EDGES.tobytes()) + 1] ^= 1
    path.write_bytes(content)
    refused("edge_index is damaged", path, tmp_path)


def test_other_files(tmp_path):
    np.save(tmp_path / "floats.npy", np.ones((3, 2)))
    np.save(tmp_path / "flat.npy", np.arange(4))
    np.save(tmp_path / "objects.npy", np.array([[1, "a"]], dtype=object))
    np.savez(tmp_path / "none.npz", edges=EDGES)
    np.savez(tmp_path / "flat.npz", edge_index=np.arange(4))
    np.savez(tmp_path / "few.npz", edge_index=EDGES.T, num_nodes=3)
    (tmp_path / "no.parquet").write_text("a,b\n")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("edge_index.npy", b"nothing")
    for name, match in (
        ("floats.npy", "float64"),
        ("flat.npy", r"shape \(4,\)"),
        ("objects.npy", "objects.npy"),
        ("none.npz", "edge_index is missing"),
        ("flat.npz", "edge_index must be integers"),
        ("few.npz", r"row 3: node 3 is none of the 3 nodes"),
        ("no.parquet", "not a Parquet file"),
        ("zip.npz", "damaged"),
        ("missing.npy", "no such file"),
        ("missing.txt", "no such file"),
    ):
        refused(match, tmp_path / name, tmp_path)
    refused("expected a path", 5, tmp_path)
    refused("block 2", iter([EDGES, EDGES.astype(float)]), tmp_path)
    refused("integers", iter([EDGES.astype(str)]), tmp_path)


def test_parquet_without_an_id(tmp_path):
    for column, match in (([1, None], "row 2: an id is empty"), ([1.5, 2.0], r"row 1: id 1\.5 is a float")):
        pyarrow.parquet.write_table(pyarrow.table({"a": column, "b": [1, 2]}), tmp_path / "edges.parquet")
        refused(match, tmp_path / "edges.parquet", tmp_path)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_nodes": 3}, "rows? 3: node 3 is none of the 3 nodes"),
        ({"num_nodes": -1}, "num_nodes: expected an integer from 0"),
        ({"num_nodes": 2.5}, "num_nodes"),
        ({"num_nodes": 2**31}, "holds at most"),
        ({"memory": 3}, "memory: expected an integer from 4,096"),
        ({"memory": "1GiB"}, "memory"),
        ({"self_loops": "keep"}, "self_loops"),
        ({"reorder": "random"}, "reorder: expected one of degree, bfs"),
        ({"features": np.ones(4)}, r"features: expected shape \(nodes, features\)"),
        ({"features": [["a"]] * 4}, "features: expected numbers"),
        ({"features": [[1], [2], [np.nan], [1]]}, "row 2, column 0 is NaN"),
        ({"features": [[1, 2], [2, 1], [1, 1], [1, 1e39]]}, "row 3, column 1"),
        ({"features": sp.csr_array([[1.0], [np.inf], [0], [0]])}, "row 1, column 0"),
        ({"features": np.ones((3, 2))}, "node 3 is none of the 3 nodes"),
        ({"features": np.ones((5, 2)), "num_nodes": 4}, "row for each of 5 nodes, and there are 4"),
        ({"labels": [0, 1], "features": np.ones((4, 1))}, "row for each of 2 nodes, and there are 4"),
        ({"labels": [0.5, 1, 1, 1]}, "labels: classes must be integers"),
        ({"labels": [0, 1, 1, -1], "train": [3]}, "train: node 3 has no label"),
        ({"labels": [0, 1, 1, 1], "train": [1], "val": [1]}, "also in another split"),
        ({"labels": [0, 1, 1, 1], "test": [9]}, "no node 9"),
        ({"labels": [0, 1, 1, 1], "test": np.ones(5, bool)}, "a mask needs one entry a node"),
        ({"train": [0]}, "has no label"),
        ({"splits": {"valid": [1]}}, "splits: expected the names"),
        ({"splits": {"val": [1]}, "train": [0]}, "given twice"),
        ({"features": "none.npy"}, "none.npy: no such file"),
        ({"labels": "none.npy"}, "none.npy: no such file"),
        ({"train": "none.npy"}, "none.npy: no such file"),
        ({"splits": "none.npz"}, "none.npz: no such file"),
        ({"nodes": "none.csv"}, "none.csv: no such file"),
    ],
)
def test_bad_options(tmp_path, options, match):
    refused(match, EDGES, tmp_path, **options)


def test_bad_files_of_features_and_labels(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0, 2.0], [1.0, np.inf], [0, 0], [0, 0]]))
    np.save(tmp_path / "y.npy", np.array([0.0, 1, 1, 1]))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-9])
    refused(r"x\.npy: row 1, column 1", EDGES, tmp_path, features=tmp_path / "x.npy")
    refused(r"y\.npy: expected integers or strings", EDGES, tmp_path, labels=tmp_path / "y.npy")
    refused(r"cut\.npy: not a whole", EDGES, tmp_path, features=tmp_path / "cut.npy")


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ("id,x\na,1\nb,2\na,3\n", "'a' is given more than once, in rows 1 and 3"),
        ("id,x\na,1\nb,\n", "line 3: column 'x' is empty"),
        ("id,x\na,1\nb,inf\n", "line 3: column 'x' is empty, NaN, infinite"),
        ("id,split\na,train\nb,train\n", "'a' is in split train without a label"),
        ("id,label,split\na,1,train\nb,2,both\n", "line 3: split 'both' is none of"),
        ("id,label\na,1\nb,2\n", "line 2: node 'c' is none of the 2 nodes"),
    ],
)
def test_a_bad_node_table(tmp_path, table, match):
    (tmp_path / "nodes.csv").write_text(table)
    (tmp_path / "edges.csv").write_text("a,b\nb,c\n")
    refused(match, tmp_path / "edges.csv", tmp_path, nodes=tmp_path / "nodes.csv")


def test_integers_and_names_do_not_mix(tmp_path):
    (tmp_path / "nodes.csv").write_text("id,x\n5,1\n7,2\n")
    (tmp_path / "edges.csv").write_text("5,7\n7,x5\n")
    refused("line 2: node 'x5' is none", tmp_path / "edges.csv", tmp_path, nodes=tmp_path / "nodes.csv")


def test_self_loops(tmp_path):
    edges = [(0, 1), (5, 5)]
    refused("row 2: a self-loop at node 5", edges, tmp_path, self_loops="error")
    assert import_graph(edges, tmp_path / "graph").self_loops == 1


def test_more_names_than_memory(tmp_path):
    (tmp_path / "edges.csv").write_text("".join(f"a{k},b{k}\n" for k in range(500)))
    with pytest.raises(CapacityError, match="--memory"):
        import_graph(tmp_path / "edges.csv", tmp_path / "graph", memory=8192)
    assert not (tmp_path / "graph").exists()


def test_the_target_is_there(tmp_path):
    import_graph(EDGES, tmp_path / "graph")
    refused("is there already", EDGES, tmp_path)
    refused("is there already", EDGES, tmp_path, restart=True)
    assert open_graph(tmp_path / "graph").num_edges == 3


def test_an_unknown_node_is_an_unknown_node(tmp_path):
    refused("none of the 2 nodes", EDGES, tmp_path, error=UnknownNodeError, num_nodes=2)


def test_a_graph_folder_has_one_split_and_its_features(tmp_path):
    import_graph(EDGES, tmp_path / "graph", labels=[0, 1, 0, 1], train=[0])
    assert load_graph(tmp_path / "graph", None).train_nodes.size == 0
    for options in ({"split": 1}, {"features": "nodes.csv"}):
        with pytest.raises(InputError, match="graph folder"):
            load_graph(tmp_path / "graph", **options)


@pytest.mark.parametrize("told", [{6: 1}, {8: 99}], ids=["encrypted", "packed in an unknown way"])
def test_an_archive_that_zipfile_cannot_unpack_is_told(tmp_path, told):
    np.savez(tmp_path / "e.npz", edge_index=np.array([[0], [1]]), num_nodes=2)
    data = bytearray((tmp_path / "e.npz").read_bytes())
    for mark, further in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = data.find(mark)
        while at >= 0:
            for place, value in told.items():
                data[at + place + further] = value
            at = data.find(mark, at + 4)
    (tmp_path / "e.npz").write_bytes(data)
    for read in (read_npz, lambda path: import_graph(path, tmp_path / "graph")):
        with pytest.raises(InputError, match=r"e\.npz: array \w+(\.npy)? is damaged"):
            read(tmp_path / "e.npz")
    assert not (tmp_path / "graph").exists()


def test_nodes_of_an_archive_are_not_dropped_for_what_is_beside_it(tmp_path):
    write_npz(generate_graph(num_nodes=30, seed=1), tmp_path / "whole.npz")
    np.savez(tmp_path / "bare.npz", edge_index=EDGES.T)
    np.savez(tmp_path / "uncounted.npz", edge_index=EDGES.T, features=np.eye(4))
    np.savez(tmp_path / "split.npz", edge_index=EDGES.T, geom_train_masks=np.eye(4, dtype=bool))
    np.save(tmp_path / "more.npy", EDGES)
    (tmp_path / "nodes.csv").write_text("id,f1\n" + "".join(f"{node},1\n" for node in range(30)))
    said = r"whole\.npz: has nodes of its own \(.*labels.*\), which cannot be joined with "
    refused(said + "other edges; import it alone", [tmp_path / "whole.npz", tmp_path / "more.npy"], tmp_path)
    refused(said + r".*nodes\.csv; import", tmp_path / "whole.npz", tmp_path, nodes=tmp_path / "nodes.csv")
    refused(r"has geom_train_masks, and array num_nodes is missing", tmp_path / "split.npz", tmp_path)
    refused(r"has features, and array num_nodes is missing", tmp_path / "uncounted.npz", tmp_path)
    assert import_graph([tmp_path / "bare.npz", tmp_path / "more.npy"], tmp_path / "graph").duplicates == 3
