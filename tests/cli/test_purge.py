"""What was removed is in no byte of the saved model."""

import struct

import numpy as np
import pytest
import scipy.sparse as sp
from tests.cli.command import run

from oubli import Graph, load_model
from oubli.graph import generate_graph, write_npz
from oubli.models import SGCRidge

SECRET = "subject-7f3a9c51d2"
NUMBER = 7_301_884_226_931_557
# As float32 each spells four readable bytes, and no other row has them.
PLANTED = np.frombuffer(b"LEAKROW1TELLTALEMARK", "<f4")


def _planted_graph(ids, secret, sparse):
    plain = generate_graph(num_nodes=300, num_classes=3, num_features=16, seed=8)
    features = np.abs(plain.features)
    at = ids.index(secret)
    features[at] = 0
    features[at, 3 : 3 + PLANTED.size] = PLANTED
    train = [ids[n] for n in plain.train_nodes.tolist()]
    return Graph.from_edges(
        [(ids[u], ids[v]) for u, v in plain.edges.tolist()],
        features=sp.csr_array(features) if sparse else features,
        labels=plain.labels,
        node_ids=ids,
        train=train if secret in train else [*train, secret],
        val=[ids[n] for n in plain.val_nodes.tolist() if ids[n] != secret],
        test=[ids[n] for n in plain.test_nodes.tolist() if ids[n] != secret],
    )


def _holders(folder, pieces):
    """Return the names of files that hold any of the byte strings, and of entries that have one in their name."""
    found = []
    for entry in folder.rglob("*"):
        content = entry.read_bytes() if entry.is_file() else b""
        if any(piece in content or piece in entry.name.encode() for piece in pieces):
            found.append(entry.name)
    return found


def _traces_of_id(secret):
    if isinstance(secret, int):
        return [struct.pack(order + "q", secret) for order in "<>"] + [str(secret).encode()]
    return [secret.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-32-le", "utf-32-be")]


def _traces_of_row(folder, secret):
    model = load_model(folder)
    slot = model.graph_.slots([secret])[0]
    base = getattr(model, "base_", model)
    made = base._engine.propagation.messages[slot] if isinstance(base, SGCRidge) else model.decision_function([secret])
    return [*(value.tobytes() for value in PLANTED), PLANTED.astype("<f8").tobytes(), made.tobytes()]


@pytest.mark.parametrize(
    ("kind", "sparse", "options"),
    [
        (str, False, []),
        (str, True, []),
        (int, False, []),
        (int, True, []),
        (str, False, ["--smooth"]),
        (int, True, ["--representation", "concat"]),
        (str, True, ["--projection", "8"]),
        (str, True, ["--model", "lcf", "--layers", "1"]),
        (int, False, ["--model", "routed"]),
    ],
)
def test_a_removed_node_leaves_no_bytes(tmp_path, kind, sparse, options):
    secret = SECRET if kind is str else NUMBER
    ids = [f"s{n}" for n in range(300)] if kind is str else [10 * n for n in range(300)]
    ids[17] = secret
    write_npz(_planted_graph(ids, secret, sparse), tmp_path / "data.npz")
    model = tmp_path / "model"
    assert run("fit", tmp_path / "data.npz", "-o", model, *options).code == 0
    name, row = _traces_of_id(secret), _traces_of_row(model, secret)
    assert _holders(model, name) == ["graph.node_ids.npy"], "the search finds the id where it is"
    assert _holders(model, row[: PLANTED.size]), "and the features"
    assert _holders(model, row[-1:]), "and what was made of them"
    assert run("unlearn", model, "--node", secret).code == 0
    assert _holders(model, name + row) == []


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_removed_feature_row_leaves_no_bytes(tmp_path, sparse):
    ids = [f"s{n}" for n in range(300)]
    ids[17] = SECRET
    write_npz(_planted_graph(ids, SECRET, sparse), tmp_path / "data.npz")
    model = tmp_path / "model"
    assert run("fit", tmp_path / "data.npz", "-o", model).code == 0
    row = _traces_of_row(model, SECRET)
    assert _holders(model, row)
    assert run("unlearn", model, "--feature", SECRET).code == 0
    assert _holders(model, row) == []
    assert _holders(model, _traces_of_id(SECRET)) == ["graph.node_ids.npy"]


def test_a_removed_class_leaves_no_name(tmp_path):
    plain = generate_graph(num_nodes=60, num_classes=2, num_features=4, seed=1)
    names = np.array(["common", "usual"])[plain.labels].astype("U32")
    names[5] = "diagnosis-of-one-person"
    graph = Graph.from_edges(plain.edges, features=plain.features, labels=names, train=list(range(30)))
    write_npz(graph, tmp_path / "data.npz")
    assert run("fit", tmp_path / "data.npz", "-o", tmp_path / "model").code == 0
    traces = _traces_of_id("diagnosis-of-one-person")
    assert _holders(tmp_path / "model", traces)
    assert run("unlearn", tmp_path / "model", "--label", "5").code == 0
    assert _holders(tmp_path / "model", traces) == []
