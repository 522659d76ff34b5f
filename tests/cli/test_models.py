"""Each model by its name: its options, what is told of it, and what is refused."""

import json

import numpy as np
import pytest
from tests.cli.command import assert_refused, copy_folder, run, spawn

from oubli import Graph, Removal, load_model
from oubli.cli.wording import changes, choices
from oubli.graph import write_npz
from oubli.models import CorrectAndSmooth, LCFNet, RandomFeatureNet, RoutedClassifier, SGCRidge
from oubli.models.homophily import HomophilyCounters

KINDS = {
    "assortative": "SGCRidge, smoothed",
    "heterophilous 1": "RandomFeatureNet",
    "heterophilous 2": "LCFNet, smoothed",
}


@pytest.fixture(scope="module")
def routed_once(graph_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("routed") / "model"
    assert run("fit", graph_file, "-o", folder, "--model", "routed").code == 0
    return folder


@pytest.fixture
def routed(routed_once, tmp_path):
    return copy_folder(routed_once, tmp_path / "model")


@pytest.fixture(scope="module")
def bare_file(graph, tmp_path_factory):
    """The graph without features."""
    splits = {split: getattr(graph, f"{split}_nodes") for split in ("train", "val", "test")}
    path = tmp_path_factory.mktemp("bare") / "bare.npz"
    write_npz(Graph.from_edges(graph.edges, labels=graph.labels, **splits), path)
    return path


def test_lcf_takes_every_option(graph_file, tmp_path):
    options = "--hops 1 --layers 1 --operator symmetric --self-loops --label-folds 3 --no-neighbour-labels"
    more = "--random-features 16 --components 4 --scaling block --head kernel --bandwidth 0.1,1 --alpha 2"
    rest = "--landmarks 30 --normalize none --scoring balanced_accuracy --smooth --smoothing 0.5"
    given = f"{options} {more} {rest}".split()
    done = run("fit", graph_file, "-o", tmp_path / "model", "--model", "lcf", *given, "--json")
    assert done.code == 0, done.err
    base = LCFNet(
        hops=1,
        layers=1,
        operator="symmetric",
        self_loops=True,
        label_folds=3,
        neighbour_labels=False,
        random_features=16,
        components=4,
        normalize=None,
        scaling="block",
        head="kernel",
        bandwidth=[0.1, 1.0],
        alpha=2.0,
        landmarks=30,
        scoring="balanced_accuracy",
    )
    expected = CorrectAndSmooth(base, smoothing=0.5, scoring="balanced_accuracy")
    assert load_model(tmp_path / "model").describe() == expected.describe()
    text = run("info", tmp_path / "model").out
    for name in ("bandwidth", "landmarks 30", "layer alphas", "smoothing 0.5", "adjusted"):
        assert name in text


def test_lcf_takes_words_for_everything(graph_file, tmp_path):
    words = ["--layers", "0", "--components", "none", "--landmarks", "none"]
    assert run("fit", graph_file, "-o", tmp_path / "model", "--model", "lcf", *words).code == 0
    params = load_model(tmp_path / "model").get_params()
    assert (params["components"], params["landmarks"], params["layers"]) == (None, None, 0)


def test_the_router_takes_its_options(graph_file, tmp_path):
    given = ["--model", "routed", "--router", "homophily", "--threshold", "0.2", "--scoring", "balanced_accuracy"]
    done = run("fit", graph_file, "-o", tmp_path / "model", *given)
    assert done.code == 0, done.err
    expected = RoutedClassifier(router="homophily", threshold=0.2, scoring="balanced_accuracy")
    assert load_model(tmp_path / "model").describe() == expected.describe()
    for told in (done.out, run("info", tmp_path / "model").out):
        assert "assortative (SGCRidge, smoothed), by homophily (threshold 0.2)\n" in told
    assert run("info", tmp_path / "model", "--json").json["routing"] == {
        "route": "assortative",
        "router": "homophily",
        "threshold": 0.2,
        "candidates": KINDS,
        "validation_scores": None,
    }


def test_a_random_feature_net_is_fitted_forgets_and_is_verified(graph_file, graph, tmp_path):
    words = ["--messages", "12", "--alpha", "10,100", "--operator", "0.0", "--projection", "none"]
    done = run("fit", graph_file, "-o", tmp_path / "model", "--model", "random-feature", *words, "--json")
    assert done.code == 0
    expected = RandomFeatureNet(messages=12, alpha=[10.0, 100.0], operator=0.0, projection=None)
    assert load_model(tmp_path / "model").describe() == expected.describe()
    assert "RandomFeatureNet" in run("info", tmp_path / "model").out
    assert run("unlearn", tmp_path / "model", "--node", 5, "--label", 7).code == 0
    expected.fit(graph.without(Removal(nodes=[5], labels=[7])))
    assert load_model(tmp_path / "model").digest() == expected.digest()
    assert run("verify", tmp_path / "model").code == 0


def test_a_hybrid_is_fitted_forgets_and_is_verified(graph_file, graph, tmp_path):
    words = ["--messages", "4", "--hybrid", "--label-folds", "2"]
    assert run("fit", graph_file, "-o", tmp_path / "model", "--model", "random-feature", *words).code == 0
    assert run("unlearn", tmp_path / "model", "--node", 5, "--label", 7).code == 0
    expected = RandomFeatureNet(messages=4, hybrid=True, label_folds=2)
    expected.fit(graph.without(Removal(nodes=[5], labels=[7])))
    assert load_model(tmp_path / "model").digest() == expected.digest()
    assert run("verify", tmp_path / "model").code == 0


@pytest.mark.parametrize(
    ("model", "option", "owners"),
    [
        ("sgc", ["--layers", "2"], "lcf"),
        ("sgc", ["--self-loops"], "lcf"),
        ("sgc", ["--router", "homophily"], "routed"),
        ("lcf", ["--class-weight", "none"], "sgc"),
        ("lcf", ["--messages", "8"], "random-feature"),
        ("random-feature", ["--layers", "1"], "lcf"),
        ("lcf", ["--threshold", "0"], "routed"),
        ("routed", ["--alpha", "1"], "sgc or lcf or random-feature"),
        ("routed", ["--smooth"], "sgc or lcf or random-feature"),
        ("routed", ["--no-neighbour-labels"], "lcf"),
    ],
)
def test_options_of_other_models_are_refused(graph_file, tmp_path, model, option, owners):
    done = run("fit", graph_file, "-o", tmp_path / "model", "--model", model, *option)
    assert_refused(done, option[0], f"--model {model}", f"choose --model {owners}")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--model", "gcn"], ["'gcn'", "sgc", "lcf", "routed"]),
        (["--model", "lcf", "--components", "few"], ["--components", "'few'"]),
        (["--model", "lcf", "--label-folds", "1"], ["label_folds"]),
        (["--model", "lcf", "--operator", "0.3"], ["operator"]),
        (["--model", "lcf", "--bandwidth", "-1"], ["bandwidth"]),
        (["--model", "random-feature", "--projection", "auto"], ["projection"]),
        (["--model", "random-feature", "--messages", "-1"], ["messages"]),
        (["--model", "random-feature", "--label-folds", "2"], ["label_folds", "hybrid=True"]),
        (["--model", "routed", "--router", "homophily", "--threshold", "7"], ["threshold"]),
        (["--model", "routed", "--threshold", "0.2"], ["--router homophily"]),
    ],
)
def test_values_that_a_model_cannot_have_are_refused(graph_file, tmp_path, given, words):
    assert_refused(run("fit", graph_file, "-o", tmp_path / "model", *given), *words)
    assert not (tmp_path / "model").exists()


def test_routed_needs_validation_nodes(graph, tmp_path):
    alone = Graph.from_edges(graph.edges, features=graph.features, labels=graph.labels, train=graph.train_nodes)
    write_npz(alone, tmp_path / "alone.npz")
    for more in ([], ["--router", "homophily"]):
        done = run("fit", tmp_path / "alone.npz", "-o", tmp_path / "model", "--model", "routed", *more)
        assert_refused(done, "alone.npz", "no validation nodes", "--model sgc, lcf or random-feature")


def test_info_tells_route_scores_and_homophily_of_a_model_on_the_disk(routed, graph):
    told, text = run("info", routed, "--json").json, run("info", routed).out
    fresh = RoutedClassifier().fit(graph)
    assert told["digest"] == fresh.digest()
    assert told["choices"] == fresh.choices_
    assert told["routing"]["validation_scores"] == fresh.validation_scores_
    assert told["routing"]["route"] == fresh.route_
    counters = HomophilyCounters.from_graph(graph)
    assert told["homophily"] == {"adjusted": fresh.homophily_, "edges": counters.num_edges}
    assert told["routing"]["candidates"] == KINDS
    scores = ", ".join(f"{name} ({KINDS[name]}) {score:.4f}" for name, score in fresh.validation_scores_.items())
    assert f"{fresh.route_} ({KINDS[fresh.route_]}), by validation: {scores}" in text
    assert f"{fresh.homophily_:.4f} adjusted, over {counters.num_edges} edges between training nodes" in text
    assert f"route {fresh.route_}, {choices(fresh.choices_['model'])}" in text


def test_info_after_a_frozen_removal_has_no_scores_that_carry_a_trace(routed):
    route = run("info", routed, "--json").json["routing"]["route"]
    assert run("unlearn", routed, "--node", 3, "--level", "frozen").code == 0
    assert run("info", routed, "--json").json["routing"]["validation_scores"] is None
    assert f"{route} ({KINDS[route]}), kept from before" in run("info", routed).out


def test_info_tells_homophily_of_every_model(model, tmp_path):
    told = run("info", model, "--json").json
    assert told["homophily"]["adjusted"] == HomophilyCounters.from_graph(load_model(model).graph_).adjusted
    assert told["routing"] is None
    assert "adjusted, over" in run("info", model).out
    apart = Graph.from_edges([(0, 1), (2, 3)], features=np.eye(4), labels=[0, 0, 1, 1], train=[0, 2])
    write_npz(apart, tmp_path / "apart.npz")
    assert run("fit", tmp_path / "apart.npz", "-o", tmp_path / "apart").code == 0
    assert "not known, with 0 edges between training nodes" in run("info", tmp_path / "apart").out
    assert run("info", tmp_path / "apart", "--json").json["homophily"] == {"adjusted": None, "edges": 0}


def test_a_routed_model_forgets_and_is_verified(routed, graph):
    done = run("unlearn", routed, "--node", 5, "--label", 7, "--json")
    assert done.code == 0
    expected = RoutedClassifier().fit(graph.without(Removal(nodes=[5], labels=[7])))
    assert done.json["receipt"]["choices"] == expected.choices_
    assert load_model(routed).digest() == expected.digest()
    assert run("verify", routed).code == 0


def test_without_features_lcf_says_so_in_a_line(bare_file, tmp_path):
    done = spawn("fit", bare_file, "-o", tmp_path / "model", "--model", "lcf", "--layers", "1", "--json")
    assert (done.code, done.json["features"]) == (0, 0)
    assert done.err.startswith("oubli: ")
    assert "no features" in done.err
    assert done.err.count("\n") == 1
    assert_refused(run("fit", bare_file, "-o", tmp_path / "sgc"), "no features", "--model lcf")
    again = run("fit", bare_file, "-o", tmp_path / "routed", "--model", "routed")
    assert (again.code, again.err) == (0, done.err)


def test_choices_that_came_out_differently_in_words():
    before = {"correction": 0.5, "smoothing": 0.0, "base": {"alpha": 1.0, "layer_alphas": [10.0, 30.0], "k": None}}
    now = {"correction": 0.5, "smoothing": 0.8, "base": {"alpha": 10.0, "layer_alphas": [10.0, 100.0], "k": 64}}
    told = ["alpha, 1 before, 10 now", "layer alphas, 10/30 before, 10/100 now", "k, none before, 64 now"]
    assert list(changes({"base": before["base"]}, now)) == told
    assert list(changes(before, now)) == ["smoothing, 0 before, 0.8 now", *told]
    assert list(changes({}, now)) == []


def test_a_route_that_came_out_differently_in_words():
    plain, smooth = {"alpha": 1.0}, {"correction": 0.5, "base": {"alpha": 1.0}}
    one, other = ({"route": "assortative", "model": smooth}, {"route": "heterophilous", "model": plain})
    turned = ["route, assortative (correction 0.5, alpha 1) before, heterophilous (alpha 1) now"]
    assert list(changes(one, other)) == turned
    assert list(changes({"base": one}, {"base": other})) == turned
    assert list(changes({"model": {"alpha": 3.0}}, other)) == ["alpha, 3 before, 1 now"]
    same = ["route, heterophilous (alpha 1) before, assortative (alpha 1) now"]
    assert list(changes({"route": "heterophilous"}, {"route": "assortative", "model": plain})) == same


def test_homophily_and_validation_are_both_told(graph, tmp_path):
    model = RoutedClassifier(heterophilous=[SGCRidge(hops=1), SGCRidge()], router="homophily", threshold=1.0)
    model.set_params(minimum_edges=0).fit(graph).save(tmp_path / "model")
    scores = [f"heterophilous {n} (SGCRidge) {model.validation_scores_[f'heterophilous {n}']:.4f}" for n in (1, 2)]
    expected = f"{model.route_} (SGCRidge), by homophily (threshold 1), by validation: {', '.join(scores)}\n"
    assert expected in run("info", tmp_path / "model").out


def test_a_turned_route_is_told(graph, tmp_path):
    trained = np.isin(graph.edges, graph.train_nodes).all(axis=1)
    label = dict(zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True))
    like = [label[u] == label[v] for u, v in graph.edges.tolist()]
    threshold = HomophilyCounters.from_graph(graph).adjusted
    model = RoutedClassifier(
        assortative=SGCRidge(), heterophilous=SGCRidge(hops=1), router="homophily", threshold=threshold
    )
    model.set_params(minimum_edges=0).fit(graph).save(tmp_path / "model")
    gone = {"edges": graph.edges[trained & like][:1].tolist()}
    done = run("unlearn", tmp_path / "model", "--request", "-", stdin=json.dumps(gone))
    assert "Chosen anew: route, assortative (alpha 1, projection none) before, heterophilous (" in done.out
