"""The TU collection: its archives as they are, damaged, and crafted; by name, from a server on this machine."""

import contextlib
import itertools
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli import load_dataset
from oubli.errors import InputError
from oubli.graph import datasets, load_collection, tu
from oubli.graph.archive import read_arrays
from oubli.graph.tu import read_tu

# Two graphs: a path of three nodes, and two nodes with an edge. A loop and an arc without its reverse are in it.
TEXTS = {
    "A": "1, 2\n2, 1\n3, 2\n2, 3\n4, 5\n3, 3\n",
    "graph_indicator": "1\n1\n1\n2\n2\n",
    "graph_labels": "1\n-1\n",
    "node_labels": "3\n5\n3\n3\n4\n",
    "edge_labels": "7\n7\n8\n8\n9\n1\n",
}


def serve(folder, texts, name="MUTAG", inside=None, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(folder / f"{name}.zip", "w", compression) as archive:
        archive.writestr(f"{name}/README.txt", "as found in the wild")
        for part, text in texts.items():
            archive.writestr(f"{inside or name}/{name}_{part}.txt", text)


def write_texts(arrays):
    """Return the text files that say what the arrays of a graph classification file say."""
    u, v = arrays["edge_index"].astype(np.int64) + 1
    order = np.argsort(np.concatenate([u, v]), kind="stable")
    arcs = np.stack([np.concatenate([u, v]), np.concatenate([v, u])], axis=1)[order]
    owner = np.repeat(np.arange(len(arrays["graph_labels"])) + 1, np.diff(arrays["graph_ptr"]))

    def lines(values):
        return "".join(f"{value}\n" for value in values)

    texts = {
        "A": lines(f"{a}, {b}" for a, b in arcs),
        "graph_indicator": lines(owner),
        "graph_labels": lines(arrays["graph_label_values"][arrays["graph_labels"]]),
    }
    if "node_labels" in arrays:
        texts["node_labels"] = lines(arrays["node_labels"])
    if "edge_labels" in arrays:
        texts["edge_labels"] = lines(np.tile(arrays["edge_labels"], 2)[order])
    if "node_attributes" in arrays:
        rows = arrays["node_attributes"].astype(float).tolist()
        texts["node_attributes"] = lines(", ".join(map(repr, row)) for row in rows)
    return texts


def test_an_archive_is_read_in_place(tmp_path):
    serve(tmp_path, TEXTS)
    found = read_tu(tmp_path, "MUTAG")
    assert {name: array.tolist() for name, array in found.items()} == {
        "graph_ptr": [0, 3, 5],
        "edge_index": [[0, 1, 3], [1, 2, 4]],
        "graph_labels": [1, 0],
        "graph_label_values": [-1, 1],
        "node_labels": [3, 5, 3, 3, 4],
        "edge_labels": [7, 8, 9],
    }
    assert os.listdir(tmp_path) == ["MUTAG.zip"]


def test_windows_lines_attributes_and_graphs_without_edges(tmp_path):
    serve(
        tmp_path,
        {
            "A": "",
            "graph_indicator": "1\r\n2\r\n",
            "graph_labels": "6\r\n6",
            "node_attributes": "0.5,-1e3\r\n 2, 3.25\r\n",
        },
    )
    found = read_tu(tmp_path, "MUTAG")
    assert found["edge_index"].shape == (2, 0)
    assert found["node_attributes"].tolist() == [[0.5, -1000], [2, 3.25]]
    assert found["graph_labels"].tolist() == [0, 0]


@pytest.mark.parametrize("name", ["tu-mutag", "tu-ptc-mr", "tu-aids", "tu-enzymes", "tu-imdb-binary"])
def test_real_graphs_as_text_are_read_back(data_root, tmp_path, name):
    expected = read_arrays(data_root / f"{name}.npz")
    serve(tmp_path, write_texts(expected), name)
    found = read_tu(tmp_path, name)
    assert set(found) == set(expected) - {"test_masks"}
    for part, array in found.items():
        np.testing.assert_array_equal(array, expected[part], err_msg=part)
        assert array.dtype.kind == expected[part].dtype.kind


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_graphs_as_text_are_read_back(tmp_path_factory, data):
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs = [(i, j) for s, e in itertools.pairwise(starts) for i in range(s, e) for j in range(i + 1, e)]
    kept = np.array([pair for pair in pairs if rng.random() < 0.5], np.int64).reshape(-1, 2)
    values, classes = np.unique(rng.integers(-2, 3, len(sizes)), return_inverse=True)
    arrays = {
        "graph_ptr": starts,
        "edge_index": kept.T,
        "graph_labels": classes,
        "graph_label_values": values,
        "node_labels": rng.integers(0, 9, starts[-1]),
        "edge_labels": rng.integers(0, 9, len(kept)),
        "node_attributes": rng.standard_normal((starts[-1], 2)).astype(np.float32),
    }
    folder = tmp_path_factory.mktemp("tu")
    serve(folder, write_texts(arrays))
    found = read_tu(folder, "MUTAG")
    for part, array in arrays.items():
        np.testing.assert_array_equal(found[part], array, err_msg=part)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"A": None}, r"MUTAG/MUTAG_A.txt is missing"),
        ({"graph_labels": None}, r"MUTAG/MUTAG_graph_labels.txt is missing"),
        ({"A": "1, 2\n2\n"}, r"MUTAG_A.txt: expected numbers separated by commas"),
        ({"A": "one, two\n"}, r"MUTAG_A.txt: expected numbers"),
        ({"A": "1, 2\n\xff\xfe"}, r"MUTAG_A.txt: expected numbers"),
        ({"A": "1, 2, 3\n"}, r"A must have two nodes in 1 .. 5 a line"),
        ({"A": "0, 1\n"}, r"A must have two nodes in 1 .. 5"),
        ({"A": "5, 6\n"}, r"A must have two nodes in 1 .. 5"),
        ({"A": "3, 4\n"}, r"A joins nodes of different graphs"),
        ({"graph_indicator": "1\n1\n1\n2\n3\n"}, r"graph_indicator must name the graphs 1 .. 2"),
        ({"graph_indicator": "0\n1\n1\n2\n2\n"}, r"graph_indicator must name"),
        ({"graph_indicator": "1\n2\n1\n2\n2\n"}, r"graph_indicator must name .* ascending"),
        ({"graph_indicator": "1\n1\n1\n1\n1\n"}, r"graph_indicator must name .* once or more"),
        ({"graph_indicator": ""}, r"graph_indicator must"),
        ({"graph_labels": ""}, r"graph_labels must|graph_indicator must name"),
        ({"graph_labels": "1, 2\n-1, 3\n"}, r"graph_labels must have one number a line"),
        ({"node_labels": "1\n2\n"}, r"node_labels has 2 lines, and should have 5"),
        ({"node_attributes": "1, 2\n3, 4\n"}, r"node_attributes has 2 lines"),
        ({"edge_labels": "1\n"}, r"edge_labels has 1 lines, and should have 6"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path, change, said):
    serve(tmp_path, {part: text for part, text in {**TEXTS, **change}.items() if text is not None})
    with pytest.raises(InputError, match=rf"MUTAG.zip: .*({said})"):
        read_tu(tmp_path, "MUTAG")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_damaged_archives_are_refused_or_read_the_same(tmp_path_factory, place, flip, cut):
    folder = tmp_path_factory.mktemp("tu")
    serve(folder, TEXTS)
    expected = read_tu(folder, "MUTAG")
    path = folder / "MUTAG.zip"
    content = bytearray(path.read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] ^= flip
    path.write_bytes(content)
    # Nothing but an InputError; or what is read is right: a date was hit, or the name of a file that need not be there.
    with contextlib.suppress(InputError):
        for part, array in read_tu(folder, "MUTAG").items():
            np.testing.assert_array_equal(array, expected[part])


def test_names_that_point_elsewhere_are_left_alone(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    serve(inside, TEXTS, inside="../MUTAG")
    with pytest.raises(InputError, match=r"MUTAG_A.txt is missing"):
        read_tu(inside, "MUTAG")
    with zipfile.ZipFile(inside / "MUTAG.zip", "w") as archive:
        archive.writestr("../../evil.txt", "x")
        archive.writestr("/evil.txt", "x")
        for part, text in TEXTS.items():
            archive.writestr(f"MUTAG/MUTAG_{part}.txt", text)
    assert len(read_tu(inside, "MUTAG")["graph_labels"]) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["MUTAG.zip", "inside"]


def test_what_would_unpack_to_too_much_is_refused(tmp_path, monkeypatch):
    serve(tmp_path, TEXTS)
    monkeypatch.setattr(tu, "LARGEST_FILE", 10)
    with pytest.raises(InputError, match=r"MUTAG_A.txt has 30 bytes, more than any"):
        read_tu(tmp_path, "MUTAG")
    monkeypatch.undo()
    # A size that lies is not believed beyond itself: reading stops there, and the checksum does not match.
    path = tmp_path / "MUTAG.zip"
    content = path.read_bytes()
    directory = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    assert struct.unpack_from("<I", content, directory + 24) == (30,)
    path.write_bytes(content[: directory + 24] + struct.pack("<I", 8) + content[directory + 28 :])
    with pytest.raises(InputError, match="not a whole archive"):
        read_tu(tmp_path, "MUTAG")


@pytest.mark.parametrize("asked", ["tu-mutag", "MUTAG", "mutag", "TU_MUTAG"])
def test_a_name_is_downloaded_once(home, monkeypatch, asked):
    serve(home, TEXTS)
    first = load_collection(asked)
    monkeypatch.setenv("OUBLI_MIRROR", "http://127.0.0.1:1")
    again = load_collection(asked)
    for graphs in (first, again):
        assert (graphs.name, graphs.num_features, [graph.label for graph in graphs]) == ("tu-mutag", 3, [1, 0])
        assert [graph.edges.tolist() for graph in graphs] == [[[0, 1], [1, 2]], [[0, 1]]]
    assert sorted(os.listdir(home.parent / "cache")) == ["tu-mutag.npz", "tu-mutag.sha256"]


@pytest.mark.parametrize("name", sorted(datasets.COLLECTIONS))
def test_every_name_has_a_home(home, name):
    source = datasets.COLLECTIONS[name]
    assert source.base_url == "https://www.chrsmrrs.com/graphkerneldatasets/"
    (file,) = source.files
    serve(home, TEXTS, file.removesuffix(".zip"))
    assert len(load_collection(name)) == 2
    assert len(load_collection(file.removesuffix(".zip"))) == 2


def test_the_first_download_is_trusted_and_later_ones_must_be_the_same(home):
    cache = home.parent / "cache"
    serve(home, TEXTS)
    load_collection("mutag")
    (cache / "tu-mutag.npz").unlink()
    serve(home, {**TEXTS, "node_labels": "1\n1\n1\n1\n2\n"})
    with pytest.raises(InputError, match=r"MUTAG.zip: its sha256 is not the known one.*delete tu-mutag.sha256"):
        load_collection("mutag")
    (cache / "tu-mutag.sha256").unlink()
    assert load_collection("mutag").num_features == 2


def test_a_file_that_changed_in_the_cache_is_refused(home):
    serve(home, TEXTS)
    load_collection("mutag")
    path = home.parent / "cache" / "tu-mutag.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"tu-mutag.npz: its sha256 is not the one in tu-mutag.sha256"):
        load_collection("mutag")


def test_what_a_home_serves_may_be_wrong(home):
    (home / "MUTAG.zip").write_bytes(b"<html>moved</html>")
    with pytest.raises(InputError, match=r"MUTAG.zip: not a whole archive"):
        load_collection("mutag")
    with pytest.raises(InputError, match=r"/AIDS.zip: cannot be downloaded .*OUBLI_MIRROR"):
        load_collection("aids")
    assert os.listdir(home.parent / "cache") == []


def test_a_folder_comes_before_the_home(home, tmp_path):
    np.savez(
        tmp_path / "tu-mutag.npz",
        graph_ptr=np.array([0, 2]),
        edge_index=np.array([[0], [1]]),
        graph_labels=np.array([0]),
    )
    assert len(load_collection("MUTAG", root=tmp_path)) == 1
    assert len(load_collection(str(tmp_path / "tu-mutag.npz"))) == 1


def test_a_name_that_nobody_knows(home):
    with pytest.raises(InputError, match=r"'mutagg' is unknown; .*tu-imdb-multi, tu-mutag.*no mutagg.npz in"):
        load_collection("mutagg")
    with pytest.raises(InputError, match=r"no such file"):
        load_collection("absent.npz")
    with pytest.raises(InputError, match=r"'tu-mutag' is many graphs.*load_collection"):
        load_dataset("tu-mutag")
