"""Bad input: one clear line, exit code 2, and the model on the disk untouched."""

import json

import numpy as np
import pytest
from tests.cli.command import assert_refused, run, snapshot, spawn

from oubli import Graph
from oubli.graph import generate_graph, write_npz


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("3\n999\n", ["line 2", "no node 999", "--missing ignore"]),
        ("# a\n\n3\nabc\n", ["line 4", "'abc'", "integers"]),
        ("3\n4 5\n", ["line 2", "'4 5'"]),
        ("007\n", ["line 1", "'007'"]),
        ("99999999999999999999\n", ["line 1", "64 bits"]),
        ("3\n-1\n", ["line 2", "no node -1"]),
        ("3\n998\n999\n", ["line 2", "998", "1 more"]),
        ("", ["nothing is requested"]),
        ("# only this\n\n", ["nothing is requested"]),
        (b"\xff\xfe3\n", ["UTF-8"]),
    ],
)
@pytest.mark.parametrize("kind", ["nodes", "features", "labels"])
def test_unlearn_refuses_files_of_ids(model, write, content, words, kind):
    before = snapshot(model)
    path = write("request.txt", content)
    assert_refused(run("unlearn", model, f"--{kind}", path), str(path), *words)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("3,3\n", ["line 1", "self-loop"]),
        ("3\n", ["line 1", "two node ids"]),
        ("3,4,5\n", ["line 1", "two node ids"]),
        ("3,\n", ["line 1", "two node ids"]),
        ("3,x\n", ["line 1", "'x'"]),
        ("3 999\n", ["line 1", "no node 999"]),
    ],
)
def test_unlearn_refuses_files_of_edges(model, write, content, words):
    before = snapshot(model)
    assert_refused(run("unlearn", model, "--edges", write("ties.txt", content)), "ties.txt", *words)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", ["line 1", "not JSON"]),
        ('{"nodes": [3],\n "edges": }', ["line 2", "not JSON"]),
        ("[1, 2]", ["an object"]),
        ('{"people": [1]}', ["nodes, edges, features, labels"]),
        ('{"nodes": 3}', ["nodes must be a list"]),
        ('{"nodes": [3, "4"]}', ["integers"]),
        ('{"nodes": ["4"]}', ["nodes[0]", "without quotes"]),
        ('{"nodes": [3.5]}', ["float"]),
        ('{"nodes": [NaN]}', ["float"]),
        ('{"nodes": [true]}', ["bool"]),
        ('{"nodes": [null]}', ["NoneType"]),
        ('{"nodes": [[1]]}', ["list"]),
        ('{"edges": [3]}', ["pair"]),
        ('{"edges": [[3, 3]]}', ["self-loop"]),
        ('{"edges": [[3, "x"]]}', ["integers"]),
        ('{"nodes": [3], "nodes": [4]}', ["more than once"]),
        ('{"nodes": [3, 999]}', ["nodes[1]", "no node 999"]),
        ('{"nodes": [99999999999999999999]}', ["64 bits"]),
        ("{}", ["nothing is requested"]),
        ('{"nodes": []}', ["nothing is requested"]),
        ('{"a":' * 5000, ["nested"]),
        ("", ["not JSON"]),
    ],
)
def test_unlearn_refuses_requests(model, write, content, words):
    before = snapshot(model)
    assert_refused(run("unlearn", model, "--request", write("request.json", content)), "request.json", *words)
    assert snapshot(model) == before


def test_unlearn_refuses_what_was_removed_before(model, graph, write):
    node, (u, v) = 3, next(e for e in graph.edges.tolist() if 3 not in e)
    featured, labelled = [n for n in graph.train_nodes.tolist() if n not in (3, u, v)][:2]
    given = ("--node", node, "--edge", f"{u},{v}", "--feature", featured, "--label", labelled)
    assert run("unlearn", model, *given).code == 0
    before = snapshot(model)
    for option, value in zip(given[::2], given[1::2], strict=True):
        assert_refused(run("unlearn", model, option, value), f"{option} {value}", "removed before", "--missing ignore")
        assert_refused(
            run("unlearn", model, f"{option}s", write("again.txt", f"# again\n{value}\n")), "line 2", "before"
        )
    assert snapshot(model) == before


def test_unlearn_refuses_an_edge_that_is_not_there(model, graph):
    absent = next((0, v) for v in range(1, 200) if not graph.has_edge(0, v))
    before = snapshot(model)
    assert_refused(run("unlearn", model, "--edge", f"{absent[0]},{absent[1]}"), "--edge", "there is no edge")
    assert snapshot(model) == before


def test_unlearn_refuses_to_leave_no_training_node(model, graph):
    before = snapshot(model)
    request = json.dumps({"labels": graph.train_nodes.tolist()})
    assert_refused(run("unlearn", model, "--request", "-", stdin=request), "no training node would remain")
    assert snapshot(model) == before


def test_unlearn_refuses_to_leave_nothing_to_choose_by(model, graph):
    before = snapshot(model)
    request = json.dumps({"labels": graph.val_nodes.tolist()})
    assert_refused(run("unlearn", model, "--request", "-", stdin=request), "validation")
    assert snapshot(model) == before
    assert run("unlearn", model, "--request", "-", "--level", "frozen", stdin=request).code == 0


def test_unlearn_refuses_places_for_the_receipt(model, tmp_path):
    before = snapshot(model)
    assert_refused(run("unlearn", model, "--node", 3, "--receipt", tmp_path), "is a folder")
    assert_refused(run("unlearn", model, "--node", 3, "--receipt", tmp_path / "no" / "r.json"), "cannot be written")
    assert_refused(run("unlearn", model, "--node", 3, "--receipt", model / "manifest.json"), "folder of the model")
    assert snapshot(model) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model"]


def test_unlearn_refuses_options(model):
    before = snapshot(model)
    assert_refused(run("unlearn", model), "nothing was requested", "--nodes FILE")
    assert_refused(run("unlearn", model, "--nodes", "absent.txt"), "absent.txt", "no such file")
    assert_refused(run("unlearn", model, "--nodes", model), "is a directory")
    assert_refused(run("unlearn", model, "--nodes", "-", "--labels", "-", stdin="3\n"), "can be read once")
    assert_refused(run("unlearn", model, "--node", 3, "--missing", "maybe"), "--missing", "oubli unlearn --help")
    assert_refused(run("unlearn", model, "--node", 3, "--level", "half"), "--level")
    assert_refused(run("unlearn", model, "--nod", 3), "--nod")
    assert_refused(run("unlearn"), "'MODEL'")
    assert snapshot(model) == before


def test_predict_refuses_unknown_nodes(model, write, tmp_path):
    run("unlearn", model, "--node", 4)
    before = snapshot(model)
    assert_refused(run("predict", model, "--nodes", write("who.txt", "3\n999\n")), "who.txt, line 2", "no node 999")
    assert_refused(run("predict", model, "--node", 4), "--node 4", "removed before")
    assert_refused(run("predict", model, "--nodes", write("none.txt", "\n")), "none.txt", "no node id")
    assert_refused(run("predict", model, "-o", model / "out.csv"), "folder of the model")
    assert_refused(run("predict", model, "-o", tmp_path / "no" / "out.csv"), "cannot be written")
    assert snapshot(model) == before


@pytest.mark.parametrize("command", ["predict", "unlearn", "verify", "info"])
def test_what_is_no_model_is_refused_and_left_alone(command, tmp_path, graph_file):
    more = ["--node", "3"] if command == "unlearn" else []
    other = tmp_path / "project"
    (other / "state-of-the-art").mkdir(parents=True)
    (other / "state-of-the-art" / "paper.txt").write_text("mine")
    (other / "lock").write_text("mine too")
    before = snapshot(tmp_path)
    assert_refused(run(command, other, *more), "there is no model here", "oubli fit")
    assert_refused(run(command, tmp_path / "absent", *more), "there is no model here")
    assert_refused(run(command, graph_file, *more), "is a file")
    (other / "manifest.json").write_text('{"name": "a web page"}')
    assert_refused(run(command, other, *more), "not a model")
    (other / "manifest.json").write_text("{")
    assert_refused(run(command, other, *more), "cannot be read")
    (other / "manifest.json").unlink()
    assert snapshot(tmp_path) == before


def test_fit_leaves_other_folders_alone(graph_file, tmp_path):
    other = tmp_path / "project"
    (other / "state-of-the-art").mkdir(parents=True)
    (other / "manifest.json").write_text('{"name": "a web page"}')
    (other / "manifest.json.backup").write_text("mine")
    before = snapshot(tmp_path)
    assert_refused(run("fit", graph_file, "-o", other), "nothing was written")
    assert_refused(run("fit", graph_file, "-o", graph_file), "is a file")
    assert_refused(run("fit", graph_file, "-o", graph_file / "model"), "cannot write")
    assert snapshot(tmp_path) == before


def _archive(path, **changes):
    arrays = {
        "num_nodes": np.int32(4),
        "edge_index": np.array([[0, 1, 2], [1, 2, 3]], np.int32),
        "features": np.eye(4, dtype=np.float32),
        "labels": np.array([0, 1, 0, 1]),
        "train_masks": np.array([[True, True, False, False]]),
        "val_masks": np.array([[False, False, True, False]]),
        "test_masks": np.array([[False, False, False, True]]),
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


def _with(value):
    features = np.eye(4, dtype=np.float32)
    features[2, 1] = value
    return features


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"features": _with(np.nan)}, ["row 2, column 1", "NaN"]),
        ({"features": _with(np.inf)}, ["row 2, column 1", "infinite"]),
        ({"edge_index": np.array([[0, 1], [1, 1]], np.int32)}, ["self-loop"]),
        ({"edge_index": np.array([[0, 1], [1, 9]], np.int32)}, ["edge_index", "outside"]),
        ({"train_masks": np.zeros((1, 4), bool)}, ["no training nodes", "--split"]),
        ({"features": None}, ["no features"]),
        ({"edge_index": None}, ["edge_index"]),
    ],
)
def test_fit_refuses_bad_archives(tmp_path, model, changes, words):
    before = snapshot(model)
    path = _archive(tmp_path / "bad.npz", **changes)
    assert_refused(run("fit", path, "-o", model), *words)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("nodes", "edges", "words"),
    [
        ("id,label,split,x\n1,a,train,0.5\n2,b,train,nan\n", "1,2\n", ["nodes.csv, line 3"]),
        ("id,label,split,x\n1,a,train,0.5\n2,b,train,inf\n", "1,2\n", ["nodes.csv, line 3"]),
        ("id,label,split,x\n1,a,train,0.5\n2,b,train,1\n", "1,2\n2,2\n", ["edges.csv, line 2", "self-loop"]),
        ("id,label,split,x\n1,a,train,0.5\n2,b,train,1\n", "1,3\n", ["edges.csv, line 1"]),
    ],
)
def test_fit_refuses_bad_tables(tmp_path, model, nodes, edges, words):
    before = snapshot(model)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nodes.csv").write_text(nodes)
    (tmp_path / "data" / "edges.csv").write_text(edges)
    assert_refused(run("fit", tmp_path / "data", "-o", model), *words)
    assert snapshot(model) == before


def test_fit_refuses_data_and_options(graph_file, model, tmp_path, write):
    before = snapshot(model)
    into = ("-o", model)
    assert_refused(run("fit", tmp_path / "absent.npz", *into), "no such file")
    assert_refused(run("fit", "no-such-data-set", *into), "unknown")
    assert_refused(run("fit", write("cut.npz", graph_file.read_bytes()[:999]), *into), "cut.npz")
    assert_refused(run("fit", tmp_path / "model" / "lock", *into), "lock")
    assert_refused(run("fit", graph_file, *into, "--split", "9"), "split")
    assert_refused(run("fit", graph_file, *into, "--hops", "0"), "hops")
    assert_refused(run("fit", graph_file, *into, "--hops", "two"), "--hops")
    assert_refused(run("fit", graph_file, *into, "--operator", "around"), "--operator", "random_walk, symmetric")
    assert_refused(run("fit", graph_file, *into, "--operator", "1.5"), "operator")
    assert_refused(run("fit", graph_file, *into, "--operator", "nan"), "operator")
    assert_refused(run("fit", graph_file, *into, "--alpha", "0"), "alpha")
    assert_refused(run("fit", graph_file, *into, "--alpha", "1,,2"), "--alpha")
    assert_refused(run("fit", graph_file, *into, "--alpha", "nan"), "alpha")
    assert_refused(run("fit", graph_file, *into, "--projection", "0"), "projection")
    assert_refused(run("fit", graph_file, *into, "--model", "forest"), "--model")
    assert_refused(run("fit", graph_file, *into, "--smoothing", "0.5"), "add --smooth")
    assert_refused(run("fit", graph_file, *into, "--smooth", "--smoothing", "1.5"), "smoothing")
    assert_refused(run("fit", graph_file), "--output")
    assert snapshot(model) == before


def test_fit_refuses_to_choose_without_validation_nodes(tmp_path):
    plain = generate_graph(num_nodes=50, num_features=4, val=0.0, seed=1)
    write_npz(plain, tmp_path / "plain.npz")
    done = run("fit", tmp_path / "plain.npz", "-o", tmp_path / "model", "--alpha", "1,2")
    assert_refused(done, "alpha", "validation")
    assert not (tmp_path / "model").exists()


def test_ids_that_end_lines_in_other_alphabets_are_found(tmp_path):
    names = ["é", "日本", "a\u2028b", "d"]
    graph = Graph.from_edges(
        [("é", "日本"), ("a\u2028b", "d")], features=np.eye(4), labels=[0, 1, 0, 1], node_ids=names, train=names[:3]
    )
    write_npz(graph, tmp_path / "g.npz")
    assert run("fit", tmp_path / "g.npz", "-o", tmp_path / "m").code == 0
    done = run("unlearn", tmp_path / "m", "--nodes", "-", "--json", stdin="é\na\u2028b\n")
    assert done.json["receipt"]["removed"]["nodes"] == 2


def test_demo_refuses(tmp_path, model):
    before = snapshot(model)
    assert_refused(run("demo", "-o", model), "not empty")
    assert_refused(run("demo", "--size", "3"), "--size")
    assert_refused(run("demo", "--seed", "-1"), "seed")
    assert snapshot(model) == before


def test_unknown_command_is_one_line():
    assert_refused(run("forget"), "'forget'", "oubli --help")
    assert_refused(run("--verbose"), "--verbose")


def test_errors_for_machines_are_one_object_on_stderr(model):
    for given in (["unlearn", model, "--node", 999], ["unlearn", model], ["info", "absent"], ["fit", "--hops", "x"]):
        done = run(*given, "--json")
        assert (done.code, done.out) == (2, "")
        error = json.loads(done.err)["error"]
        assert error.keys() == {"type", "message", "exit_code"}
        assert error["exit_code"] == 2
    assert json.loads(run("unlearn", model, "--node", 999, "--json").err)["error"]["type"] == "UnknownNodeError"


def test_a_process_of_its_own_ends_the_same_way(model):
    assert_refused(spawn("unlearn", model, "--nodes", "-", stdin="3\n999\n"), "standard input, line 2", "no node 999")
