"""``oubli import``: from files to a graph folder, and what it says."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from tests.cli.command import assert_refused, command_line, on_a_terminal, run

from oubli.graph import read_npz
from oubli.graph.disk import open_graph


@pytest.fixture
def files(graph, tmp_path):
    """The arrays of a graph, a file each."""
    np.save(tmp_path / "edges.npy", np.concatenate([graph.edges, graph.edges[:7, ::-1], [[3, 3]]]))
    np.save(tmp_path / "features.npy", graph.features)
    np.save(tmp_path / "labels.npy", graph.labels)
    np.savez(tmp_path / "splits.npz", **{name: getattr(graph, f"{name}_nodes") for name in ("train", "val", "test")})
    given = (
        f"--{name}={tmp_path / name}.{'npz' if name == 'splits' else 'npy'}"
        for name in ("features", "labels", "splits")
    )
    return [tmp_path / "edges.npy", *given]


def test_import_fit_unlearn_verify(graph, files, graph_file, tmp_path):
    done = run("import", *files, "-o", tmp_path / "graph", "--reorder", "bfs", "--memory", "64KiB")
    assert done.code == 0, done.err
    assert "1 self-loop and 7 repeated edges" in done.out
    assert "200 nodes" in done.out
    assert "bfs" in done.out
    assert run("fit", tmp_path / "graph", "-o", tmp_path / "model").code == 0
    assert run("fit", graph_file, "-o", tmp_path / "other").code == 0
    digests = {run("info", tmp_path / name, "--json").json["digest"] for name in ("model", "other")}
    assert len(digests) == 1
    assert run("unlearn", tmp_path / "model", "--node", "3").code == 0
    assert run("verify", tmp_path / "model").code == 0


def test_json(files, graph, tmp_path):
    values = run("import", *files, "-o", tmp_path / "graph", "--json").json
    expected = {"nodes": 200, "edges": graph.num_edges, "self_loops": 1, "duplicates": 7, "ids": "dense", "features": 8}
    assert expected.items() <= values.items()
    assert values["path"] == str(tmp_path / "graph")


def test_several_files_and_a_table(write, tmp_path):
    one, two = write("one.csv", "source,target\na,b\n"), write("two.tsv", "b\tc\n")
    nodes = write("nodes.csv", "id,label,split,x\nb,1,train,1\na,0,train,2\nc,,,3\n")
    assert run("import", one, two, "--nodes", nodes, "-o", tmp_path / "graph").code == 0
    assert open_graph(tmp_path / "graph").features.ravel().tolist() == [2, 1, 3]
    assert run("fit", tmp_path / "graph", "-o", tmp_path / "model").code == 0


def test_an_archive(graph_file, tmp_path, assert_same_graph):
    assert run("import", graph_file, "-o", tmp_path / "graph").code == 0
    assert_same_graph(open_graph(tmp_path / "graph"), read_npz(graph_file))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "3"], ["memory", "4,096"]),
        (["--memory", "much"], ["--memory", "2GiB"]),
        (["--memory", "1e400"], ["--memory"]),
        (["--num-nodes", "2"], ["edges.npy", "none of the 2 nodes"]),
        (["--num-nodes", "-3"], ["num_nodes"]),
        (["--num-nodes", "x"], ["--num-nodes"]),
        (["--self-loops", "error"], ["edges.npy, row", "self-loop at node 3", "--self-loops drop"]),
        (["--self-loops", "keep"], ["--self-loops"]),
        (["--reorder", "best"], ["--reorder"]),
        (["--nodes", "none.csv"], ["none.csv", "no such file"]),
        (["--features", "none.npy"], ["none.npy", "no such file"]),
        (["--features", "."], ["is a folder"]),
        (["--labels", "none.npy"], ["none.npy", "no such file"]),
        (["--splits", "none.npz"], ["none.npz", "no such file"]),
        (["--splits", "{}/features.npy"], ["features.npy"]),
        (["--labels", "{}/features.npy"], ["features.npy", "shape"]),
        (["--features", "{}/labels.npy"], ["labels.npy", "shape"]),
        (["{}/none.txt"], ["none.txt", "no such file"]),
    ],
)
def test_bad_options(files, tmp_path, options, words):
    given = [option.format(tmp_path) for option in options]
    assert_refused(run("import", files[0], *given, "-o", tmp_path / "graph"), *words)
    assert not list(tmp_path.glob("graph*"))


def test_missing_arguments(files, tmp_path):
    assert_refused(run("import", "-o", tmp_path / "graph"), "EDGES")
    assert_refused(run("import", files[0]), "--output")
    assert run("import", files[0], "-o", tmp_path / "graph").code == 0
    assert_refused(run("import", files[0], "-o", tmp_path / "graph"), "is there already")


def test_a_bar_on_a_terminal(files, tmp_path):
    code, out, shown = on_a_terminal("import", files[0], "-o", tmp_path / "graph")
    assert code == 0
    assert "Graph" in out
    assert "Reading edges" in shown


def test_interrupted_it_says_how_to_go_on(tmp_path):
    edges = np.random.default_rng(0).integers(0, 10**6, (3_000_000, 2))
    np.save(tmp_path / "edges.npy", edges)
    arguments = ["import", tmp_path / "edges.npy", "-o", tmp_path / "graph", "--memory", "300kB"]
    process = subprocess.Popen(
        command_line(*arguments),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where these tests run in the background, a shell may have told them to ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "graph.importing" / "buckets").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on where it was" in err
    assert_refused(run(*arguments, "--reorder", "bfs"), "reorder", "--restart")
    assert run(*arguments).code == 0
    assert open_graph(tmp_path / "graph").num_nodes == 10**6
