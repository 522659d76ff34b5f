"""Edge lists and node tables: every form is the same graph, every fault is named with its file and line."""

import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oubli import Graph
from oubli.errors import InputError
from oubli.graph import generate_graph, read_tables


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("edges", "nodes", "place"),
    [
        ("x,y\n#z,x\n", "id,f\nx,1\ny,2\n#z,3\n", "line 2"),
        ("# who knows whom\n\nx,y\n", "id,f\nx,1\ny,2\n#z,3\n", "line 1"),
        ("x,y\n#z,x\ny,#z\n", None, "line 2"),
    ],
)
def test_comments_where_ids_start_as_they_do_are_refused(put, edges, nodes, place):
    paths = [put("edges.csv", edges), *([put("nodes.csv", nodes)] if nodes else [])]
    with pytest.raises(InputError, match=f"edges.csv, {place}: .*'#z'.*in quotes"):
        read_tables(*paths)


def test_ids_that_start_as_comments_do_are_read_in_quotes(put):
    graph = read_tables(put("edges.csv", 'x,y\n"#z",x\n'), put("nodes.csv", "id,f\nx,1\ny,2\n#z,3\n"))
    assert graph.neighbors("#z").tolist() == ["x"]
    assert read_tables(put("numbers.txt", "# a remark\n1 2\n")).num_edges == 1


@pytest.mark.parametrize("bad", ["y\0", "y" * 1025])
def test_ids_that_cannot_be_kept_are_refused_with_their_line(put, bad):
    with pytest.raises(InputError, match=r"edges.csv, line 2: id 'y.*(NUL|1,024)"):
        read_tables(put("edges.csv", f"x,y\nx,{bad}\n"))


EDGES = {
    "header.csv": "source,target\n1,2\n2,3\n2,1\n",
    "swapped.csv": "weight,target,source\n0.5,2,1\n0.1,3,2\n",
    "src.tsv": "dst\tsrc\ttime\n2\t1\tx\n3\t2\ty\n",
    "words.csv": "follower,followed\n1,2\n2,3\n",
    "none.csv": "1,2\n2,3\n",
    "none.tsv": "1\t2\n2\t3\n",
    "snap.txt": "# Directed graph: web.txt\n# FromNodeId\tToNodeId\n1\t2\n2\t3\n",
    "spaces.txt": "1 2\n\n# a remark\n 2   3 \n",
    "semicolons.csv": "1;2\n2;3\n",
    "commas.txt": "1,2\n2,3",
    "windows.csv": "\ufeffsource,target\r\n1,2\r\n\r\n2,3\r\n",
    "padded.csv": "source, target\n1, 2\n2 ,3\n",
    "quoted.csv": '"1","2"\n"2","3"\n',
}


@pytest.mark.parametrize("name", EDGES)
def test_edge_lists_in_all_forms(put, name):
    graph = read_tables(put(name, EDGES[name]))
    assert graph.node_ids.tolist() == [1, 2, 3]
    assert graph.edges.tolist() == [[1, 2], [2, 3]]
    assert graph.num_features == 0


NODES = "id,age,label,height,split\n3,30,blue,0.3,test\n1,10,red,0.1,train\n2,20,,0.2,\n4,40,red,0.4,VAL\n"


def check_people(graph):
    assert graph.node_ids.tolist() == [1, 2, 3, 4]
    assert graph.edges.tolist() == [[1, 2], [2, 3]]
    np.testing.assert_array_equal(graph.features, np.float32([[10, 0.1], [20, 0.2], [30, 0.3], [40, 0.4]]))
    assert graph.labels.tolist() == ["red", "", "blue", "red"]
    assert (graph.train_nodes.tolist(), graph.val_nodes.tolist(), graph.test_nodes.tolist()) == ([1], [4], [3])


def test_node_table(put):
    edges = put("edges.csv", EDGES["none.csv"])
    check_people(read_tables(edges, put("people.csv", NODES)))
    check_people(read_tables(edges, put("people.tsv", NODES.replace(",", "\t"))))
    check_people(read_tables(edges, put("people.txt", NODES.replace(",", ";"))))
    renamed = NODES.replace("id", "Person").replace("label", "Colour").replace("split", "Part")
    names = {"id_column": "person", "label_column": "colour", "split_column": "part"}
    check_people(read_tables(edges, put("renamed.csv", renamed), **names))


def test_a_folder(put, tmp_path):
    put("edges.txt", EDGES["snap.txt"])
    assert read_tables(tmp_path).num_features == 0
    put("nodes.csv", NODES)
    check_people(read_tables(tmp_path))
    put("nodes.tsv", NODES)
    with pytest.raises(InputError, match=r"at most one nodes table; it has edges.txt, nodes.csv, nodes.tsv"):
        read_tables(tmp_path)
    (tmp_path / "nodes.tsv").unlink()
    put("edges.csv", EDGES["none.csv"])
    with pytest.raises(InputError, match=r"expected one of edges.csv, .*it has edges.csv, edges.txt"):
        read_tables(tmp_path)


def test_parquet(put, tmp_path, assert_same_graph):
    people = {
        "id": [3, 1, 2, 4],
        "age": pa.array([30, 10, 20, 40], pa.int16()),
        "label": ["blue", "red", None, "red"],
        "height": [0.3, 0.1, 0.2, 0.4],
        "split": ["test", "train", None, "val"],
    }
    pq.write_table(pa.table({"source": [1, 2], "target": [2, 3], "note": ["a", "b"]}), tmp_path / "edges.parquet")
    pq.write_table(pa.table(people), tmp_path / "nodes.parquet")
    graph = read_tables(tmp_path)
    check_people(graph)
    # Text and Parquet go together, and so do integers and their text.
    mixed = read_tables(put("e.csv", EDGES["none.csv"]), tmp_path / "nodes.parquet")
    assert_same_graph(mixed, graph)
    names = {**people, "id": ["c", "a", "b", "d"]}
    pq.write_table(pa.table(names).select(["id", "age"]), tmp_path / "named.parquet")
    assert read_tables(put("n.csv", "a,b\n"), tmp_path / "named.parquet").features.tolist() == [[10], [20], [30], [40]]


def test_ids_are_integers_only_if_all_are(put):
    assert read_tables(put("a.csv", "1,2\n2,x\n")).node_ids.tolist() == ["1", "2", "x"]
    assert read_tables(put("b.csv", "007,7\n")).node_ids.tolist() == ["007", "7"]
    assert read_tables(put("c.csv", "-1,9223372036854775807\n")).node_ids.tolist() == [-1, 2**63 - 1]
    assert read_tables(put("d.csv", "1,9223372036854775808\n")).node_ids.tolist() == ["1", "9223372036854775808"]
    assert read_tables(put("e.csv", "1_0,10\n")).node_ids.tolist() == ["10", "1_0"]
    assert read_tables(put("f.csv", "1.0,1\n")).node_ids.tolist() == ["1", "1.0"]
    graph = read_tables(put("g.csv", "1,2\n"), put("nodes.csv", "id,x\n1,0\n2,0\nz,0\n"))
    assert graph.node_ids.tolist() == ["1", "2", "z"]


def test_labels_are_integers_only_if_all_are(put):
    edges = put("edges.csv", "1,2\n")

    def labels(*values):
        rows = "".join(f"{i},{v}\n" for i, v in enumerate(values, start=1))
        return read_tables(edges, put("nodes.csv", "id,label\n" + rows)).labels.tolist()

    assert labels("3", "", "5") == [3, -1, 5]
    assert labels("3", "-1", "5") == [3, -1, 5]
    assert labels("3", "", "x") == ["3", "", "x"]
    assert labels("", "") == [-1, -1]


def test_headers_of_node_tables(put):
    edges = put("edges.csv", "1,2\n")
    for text in (
        "node,a,b\n2,3,4\n1,5,6\n",
        "2,3,4\n1,5,6\n",
        "a,ID,b\n3,2,4\n5,1,6\n",
        ",0,1\n2,3,4\n1,5,6\n",
        "id,0,1\n2,3,4\n1,5,6\n",
    ):
        graph = read_tables(edges, put("nodes.csv", text))
        assert graph.node_ids.tolist() == [1, 2]
        assert graph.features.tolist() == [[5, 6], [3, 4]]
    named = read_tables(put("tags.csv", "#x,7\n".replace("#x", "x")), put("nodes.csv", "x,0.5\n7,0.25\n#y,1\n"))
    assert named.node_ids.tolist() == ["#y", "7", "x"]
    assert read_tables(edges, put("nodes.csv", "id\n1\n2\n")).num_features == 0
    assert read_tables(put("empty.csv", "source,target\n"), put("nodes.csv", "id,x\n1,2\n")).num_edges == 0


def test_lines_count_as_an_editor_counts_them(put):
    edges = put("edges.csv", '# one\n\nsource,target\n"1",2\n# five\n2,3\n\n3,3\n')
    with pytest.raises(InputError, match=r"edges.csv, line 8: a self-loop at node 3"):
        read_tables(edges)
    edges = put("edges.txt", "\n# two\n1 2\n\n2 3\n3 3\n")
    with pytest.raises(InputError, match=r"edges.txt, line 6: a self-loop at node 3"):
        read_tables(edges)
    nodes = put("nodes.csv", '\nid,note,x\n"1","0",1\n\n2,0,\n')
    with pytest.raises(InputError, match=r"nodes.csv, line 5: column 'x' is empty"):
        read_tables(put("edges.csv", "1,2\n"), nodes)


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ("1,2\n2,3,4\n", r"edges.csv, line 2: 3 columns, but line 1 has 2"),
        ("1,2\n2\n", r"edges.csv, line 2: 1 columns, but line 1 has 2"),
        ("1,2,3\n2,3,4\n", r"edges.csv, line 1: an edge list has 2 columns, not 3; name two of them source and target"),
        ("1\n2\n", r"edges.csv, line 1: an edge list has 2 columns, not 1"),
        ("1,2\n3,3\n", r"edges.csv, line 2: a self-loop at node 3"),
        ("source,target\n1,\n", r"edges.csv, line 2: an id is empty"),
        ("", r"edges.csv: empty"),
        ("# nothing here\n", r"edges.csv: empty .lines that start with # are comments"),
        (b"1,2\n\xff\xfe\n", r"edges.csv: not text in UTF-8; is it compressed"),
        ('1,2\n"2,3\n', r"edges.csv, after line 1: .*mend the quotes"),
    ],
)
def test_faults_in_edge_lists(put, edges, said):
    with pytest.raises(InputError, match=said):
        read_tables(put("edges.csv", edges))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ("id,x\n1,0\n2,0,0\n", r"nodes.csv, line 3: 3 columns, but line 1 has 2"),
        ("id,x\n1,0\n2,tall\n", r"nodes.csv, line 3: column 'x' is not a number: 'tall'"),
        ("id,x\n1,0\n2,\n", r"nodes.csv, line 3: column 'x' is empty; features are numbers"),
        ("id,x\n1,0\n2,nan\n", r"nodes.csv, line 3: column 'x' is empty, NaN, infinite"),
        ("id,x\n1,0\n2,inf\n", r"nodes.csv, line 3: column 'x' is .*infinite"),
        ("id,x\n1,0\n2,1e39\n", r"nodes.csv, line 3: .*beyond float32"),
        ("1,0\n2,nan\n", r"nodes.csv, line 2: column '2' is"),
        ("1,0\n2,-\n", r"nodes.csv, line 2: column 2 is not a number"),
        ("id,x\n1,0\n2,0\n1,5\n", r"nodes.csv, line 4: id 1 was given before, in line 2"),
        ("id,x\n1,0\n,0\n", r"nodes.csv, line 3: an id is empty"),
        ("id,x\n1,0\n3,0\n", r"edges.csv, line 1: node 2 is not in .*nodes.csv; add a row"),
        ("id,split,label\n1,dev,0\n2,,0\n", r"nodes.csv, line 2: split 'dev' is none of train, val, test"),
        ("id,split,label\n1,train,0\n2,test,\n", r"nodes.csv, line 3: in split test without a label"),
        ("id,split\n1,train\n2,test\n", r"nodes.csv, line 2: in split train without a label"),
        ("id,label,Label\n1,0,0\n2,0,0\n", r"nodes.csv, line 1: more than one column is named 'label'"),
        ("", r"nodes.csv: empty"),
    ],
)
def test_faults_in_node_tables(put, nodes, said):
    with pytest.raises(InputError, match=said):
        read_tables(put("edges.csv", "1,2\n"), put("nodes.csv", nodes))


def test_faults_in_parquet(put, tmp_path):
    edges, path = put("edges.csv", "1,2\n"), tmp_path / "nodes.parquet"

    def write(**columns):
        pq.write_table(pa.table(columns), path)

    write(id=[1, 2], x=[0.5, None])
    with pytest.raises(InputError, match=r"nodes.parquet, row 2: column 'x' is empty, NaN"):
        read_tables(edges, path)
    write(id=[1, 2], x=["a", "b"])
    with pytest.raises(InputError, match="column 'x' holds string; features are numbers"):
        read_tables(edges, path)
    write(id=[1, 2], x=[[1.0], [2.0]])
    with pytest.raises(InputError, match="column 'x' holds list"):
        read_tables(edges, path)
    write(id=[1, None], x=[1.0, 2.0])
    with pytest.raises(InputError, match="row 2: an id is empty"):
        read_tables(edges, path)
    write(id=[1.5, 2.5], x=[1.0, 2.0])
    with pytest.raises(InputError, match=r"row 1: id 1.5 is a float; ids are integers or strings"):
        read_tables(edges, path)
    path.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(InputError, match="not a Parquet file, or damaged"):
        read_tables(edges, path)


def test_files_that_are_not_there(put, tmp_path):
    with pytest.raises(InputError, match=r"absent.csv: no such file"):
        read_tables(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"absent.csv: no such file"):
        read_tables(put("edges.csv", "1,2\n"), tmp_path / "absent.csv")


def test_a_missing_pyarrow_is_named_with_its_extra(put, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "oubli\[parquet\]"'):
        read_tables(put("edges.parquet", b"PAR1"))


def test_a_generated_graph_there_and_back(put, assert_same_graph):
    graph = generate_graph(num_nodes=120, num_features=3, seed=6)
    split_of = {n: name for name in ("train", "val", "test") for n in getattr(graph, f"{name}_nodes").tolist()}
    rows = [
        ",".join([str(n), str(label), split_of[n], *(repr(float(v)) for v in x)])
        for n, label, x in zip(graph.node_ids.tolist(), graph.labels.tolist(), graph.features, strict=True)
    ]
    nodes = put("nodes.csv", "id,label,split,a,b,c\n" + "\n".join(rows))
    edges = put("edges.txt", "\n".join(f"{v} {u}" for u, v in graph.edges.tolist()))
    assert_same_graph(read_tables(edges, nodes), graph)


def test_a_long_edge_list_is_read_in_seconds(put):
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 50_000, (300_000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    path = put("long.txt", "\n".join(f"{u}\t{v}" for u, v in pairs.tolist()))
    start = time.perf_counter()
    graph = read_tables(path)
    assert time.perf_counter() - start < 10  # about one, on a machine of its own
    assert graph.num_edges == Graph.from_edges(pairs).num_edges
