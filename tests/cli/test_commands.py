"""What each command does when all is well."""

import csv
import io
import json

import pytest
from tests.cli.command import assert_refused, run, snapshot, spawn

from oubli import Removal, load_model
from oubli.guarantees import Receipt
from oubli.models import CorrectAndSmooth, SGCRidge


def test_whole_life_of_a_model_in_processes_of_their_own(graph, graph_file, tmp_path):
    model, request, receipt = tmp_path / "model", tmp_path / "request.txt", tmp_path / "receipt.json"
    fitted = spawn("fit", graph_file, "-o", model, "--alpha", "0.1,1", "--json")
    assert fitted.code == 0
    assert fitted.err == ""
    assert fitted.json["nodes"] == 200
    request.write_text("# who asked\n5\n\n 7 \n")
    forgotten = spawn("unlearn", model, "--nodes", request, "--receipt", receipt, "--json")
    assert forgotten.code == 0
    assert forgotten.json["receipt"]["removed"]["nodes"] == 2
    assert Receipt.from_json(receipt.read_text()).to_dict() == forgotten.json["receipt"]
    checked = spawn("verify", model, "--json")
    assert checked.code == 0
    assert checked.json["identical"] is True
    digest = SGCRidge(alpha=[0.1, 1.0]).fit(graph.without(Removal(nodes=[5, 7]))).digest()
    assert checked.json["digests"] == {"model": digest, "rebuilt": digest}
    told = spawn("info", model, "--json")
    assert (told.code, told.json["digest"], told.json["nodes"], told.json["removals"]) == (0, digest, 198, 2)
    predicted = spawn("predict", model, "--json")
    assert predicted.code == 0
    assert [row["id"] for row in predicted.json["predictions"]] == load_model(model).graph_.node_ids.tolist()


def test_text_is_for_people(model):
    told = run("info", model)
    assert told.code == 0
    assert "200 nodes" in told.out
    forgotten = run("unlearn", model, "--node", 5, "--label", 7)
    assert forgotten.code == 0
    assert "Forgotten: 1 node" in forgotten.out
    assert "exact, reselected" in forgotten.out
    assert "Not reached:" in forgotten.out
    checked = run("verify", model)
    assert (checked.code, checked.out.split(":")[0]) == (0, "Identical")


def test_a_request_of_all_kinds_equals_the_library(model, graph, write):
    (u, v), (s, t) = graph.edges[0].tolist(), graph.edges[-1].tolist()
    zero, one, two, three = [n for n in graph.train_nodes.tolist() if n not in (u, v, s, t)][:4]
    library = load_model(model)
    library.unlearn(Removal(nodes=[zero, one], edges=[(u, v), (s, t)], features=[two], labels=[three]))
    done = run(
        "unlearn",
        model,
        "--nodes",
        write("nodes.txt", f"{zero}\r\n"),
        "--edges",
        write("edges.txt", f"{v}\t{u}\n"),
        "--features",
        "-",
        "--request",
        write("more.json", {"nodes": [one], "edges": [[s, t]], "labels": [three]}),
        stdin=f"{two}\n",
    )
    assert done.code == 0
    assert load_model(model).digest() == library.digest()


@pytest.mark.parametrize("separator", [",", ", ", "\t", " ", "   "])
def test_edges_come_in_every_usual_form(model, graph, write, separator):
    u, v = graph.edges[0].tolist()
    done = run("unlearn", model, "--edges", write("edges.txt", f"{u}{separator}{v}\n"), "--json")
    assert done.json["receipt"]["removed"]["edges"] == 1


def test_repeated_files_all_count(model, write):
    done = run("unlearn", model, "--nodes", write("a", "3\n"), "--nodes", write("b", "4\n"), "--node", 9, "--json")
    assert done.json["receipt"]["removed"]["nodes"] == 3


def test_string_ids_that_look_like_integers_stay_strings(named_model):
    assert run("unlearn", named_model, "--node", "subject-0003").code == 0
    assert run("unlearn", named_model, "--node", "3").code == 2


def test_missing_ignore_makes_a_request_repeatable(model, write):
    request = write("request.txt", "3\n4\n")
    assert run("unlearn", model, "--nodes", request).code == 0
    digest = load_model(model).digest()
    again = run("unlearn", model, "--nodes", request, "--missing", "ignore", "--json")
    assert again.json["receipt"]["ignored"] == {"nodes": [3, 4]}
    assert load_model(model).digest() == digest
    assert (
        "Passed over, since not there: 2 nodes (3, 4)"
        in run("unlearn", model, "--nodes", request, "--missing", "ignore").out
    )


def test_frozen_keeps_choices_and_says_so(model):
    done = run("unlearn", model, "--node", 3, "--level", "frozen")
    assert "frozen" in done.out
    assert "trace" in done.out
    assert run("verify", model, "--json").json["level"] == "frozen"


def test_a_class_that_vanishes_is_told_and_never_predicted(model, graph):
    lost = [n for n, label in zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True) if label == 2]
    request = json.dumps({"labels": sorted(set(lost) & set(graph.train_nodes.tolist()))})
    done = run("unlearn", model, "--request", "-", "--json", stdin=request)
    assert done.code == 0
    assert done.json["receipt"]["classes_lost"] == [2]
    predicted = run("predict", model, "--json").json
    assert predicted["classes"] == [0, 1]
    assert {row["class"] for row in predicted["predictions"]} <= {0, 1}


def test_predict_as_csv_and_json_files(model, tmp_path):
    out = run("predict", model, "--node", 7, "--node", 5, "--scores").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["id"] for row in rows] == ["7", "5"]
    library = load_model(model)
    assert [float(rows[0][f"score {c}"]) for c in (0, 1, 2)] == library.decision_function([7])[0].tolist()
    assert [int(row["class"]) for row in rows] == library.predict([7, 5]).tolist()
    told = run("predict", model, "-o", tmp_path / "all.csv")
    assert told.out == f"200 nodes in {tmp_path / 'all.csv'}\n"
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 201
    assert run("predict", model, "-o", tmp_path / "all.json", "--json").json["nodes"] == 200
    assert len(json.loads((tmp_path / "all.json").read_text())["predictions"]) == 200


def test_fit_takes_every_option(graph_file, tmp_path):
    options = "--hops 3 --operator 0.3 --alpha 0.5,2 --representation concat --normalize none --class-weight balanced"
    more = "--projection 4 --scoring balanced_accuracy --smooth --correction 0,0.5 --smoothing 0.9"
    done = run("fit", graph_file, "-o", tmp_path / "model", *options.split(), *more.split(), "--json")
    assert done.code == 0, done.err
    model = load_model(tmp_path / "model")
    assert isinstance(model, CorrectAndSmooth)
    base = SGCRidge(
        hops=3,
        operator=0.3,
        alpha=[0.5, 2.0],
        representation="concat",
        normalize=None,
        class_weight="balanced",
        projection=4,
        scoring="balanced_accuracy",
    )
    expected = CorrectAndSmooth(base, correction=[0.0, 0.5], smoothing=0.9, scoring="balanced_accuracy")
    assert model.describe() == expected.describe()
    assert run("info", tmp_path / "model").code == 0


def test_fit_reads_tables(graph, tmp_path):
    split = dict.fromkeys(graph.train_nodes.tolist(), "train") | dict.fromkeys(graph.test_nodes.tolist(), "test")
    columns = zip(graph.node_ids.tolist(), graph.labels.tolist(), graph.features.tolist(), strict=True)
    rows = [[node, label, split.get(node, ""), *map(repr, row)] for node, label, row in columns]
    header = ["id", "label", "split", *(f"f{k}" for k in range(8))]
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "nodes.csv").write_text("\n".join(lines))
    (tmp_path / "tables" / "edges.csv").write_text("\n".join(f"{u},{v}" for u, v in graph.edges.tolist()))
    whole = run("fit", tmp_path / "tables", "-o", tmp_path / "a", "--json").json
    edges, nodes = tmp_path / "tables" / "edges.csv", tmp_path / "tables" / "nodes.csv"
    parts = run("fit", edges, "--features", nodes, "-o", tmp_path / "b", "--json").json
    assert whole["digest"] == parts["digest"]
    assert whole["scores"]["val"] is None


def test_fit_replaces_the_model_in_a_folder(model, graph_file):
    assert run("fit", graph_file, "-o", model, "--alpha", "0.1").code == 0
    assert run("info", model, "--json").json["choices"]["alpha"] == 0.1


def test_verify_finds_other_weights_in_a_model_whose_files_agree(model):
    stale = load_model(model)
    fresh = load_model(model)
    fresh.unlearn(Removal(nodes=[5, 6, 7]))
    description, arrays = fresh.to_state()
    weights = stale.to_state()[1]["weights"]
    type(fresh).from_state(description, arrays | {"weights": weights}).save(model)
    done = run("verify", model)
    assert done.code == 1
    assert done.out.startswith("NOT identical")


def test_fit_does_not_bring_back_what_a_model_has_forgotten(graph_file, tmp_path):
    model = tmp_path / "model"
    assert run("fit", graph_file, "-o", model).code == 0
    assert run("fit", graph_file, "-o", model).code == 0, "nothing was forgotten yet"
    assert run("unlearn", model, "--node", "3").code == 0
    before = snapshot(model)
    assert_refused(run("fit", graph_file, "-o", model), "--replace")
    assert snapshot(model) == before
    assert run("fit", graph_file, "-o", model, "--replace").code == 0
    assert run("info", model, "--json").json["removals"] == 0
