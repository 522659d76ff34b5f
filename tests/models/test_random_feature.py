"""RandomFeatureNet: the bytes of a fresh fit after every removal, by which path, and what it tells of labels."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from tests.exactness.raw import KINDS, draw_removal, random_raw, read_raw
from tests.exactness.reference import assert_a_loaded_model_forgets, assert_same, refit
from tests.exactness.test_matrix import unlearn_and_refit
from tests.exactness.test_sequences import Unlearning, run
from tests.propagation.switch import switch
from tests.propagation.test_messages import SeesItself
from threadpoolctl import threadpool_limits

from oubli import Removal, load_model, verify
from oubli.errors import InputError
from oubli.models import RandomFeatureNet, RoutedClassifier, SGCRidge
from oubli.models import random_feature as random_feature_module
from oubli.models.coarse_inputs import CoarseInputs
from oubli.models.random_rows import RandomRows
from oubli.propagation import RandomMessages

GRID = (1.0, 30.0, 1000.0)
CONFIGURATIONS = {
    "one hop": (RandomFeatureNet(messages=16), {}),
    "two hops, choosing": (RandomFeatureNet(hops=2, messages=8, alpha=GRID), {"strings": True}),
    "two classes, as they are": (RandomFeatureNet(hops=2, messages=16, normalize=None, seed=3), {"num_classes": 2}),
    "symmetric": (RandomFeatureNet(operator="symmetric", messages=16), {"num_features": 3}),
    "convolution, no messages": (RandomFeatureNet(messages=0, hops=3, alpha=0.5, operator=0.0), {"num_classes": 5}),
    "projected, sparse": (RandomFeatureNet(messages=16, projection=4), {"sparse": True, "num_features": 30}),
    "balanced accuracy": (RandomFeatureNet(messages=5, scoring="balanced_accuracy", alpha=GRID), {"num_classes": 2}),
}
WRONG = {
    "hops": [0, 65, 2.0, None, True],
    "operator": ["laplacian", 1.5, None],
    "messages": [-1, 8193, 1.0, "many", None],
    "alpha": [0, -1.0, float("nan"), float("inf"), "1", None, [], [1.0, None]],
    "normalize": ["l1", True, 0],
    "projection": [0, 4097, "auto", True],
    "fraction_bits": [3, 21, 12.0, None],
    "scoring": ["f1", None],
    "seed": [-1, 0.0, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_parameter_is_named(name, value):
    with pytest.raises(InputError, match=name):
        RandomFeatureNet(**{name: value}).fit(random_raw(0).build())


def test_no_validation_nodes():
    raw = random_raw(1)
    with pytest.raises(InputError, match="no validation nodes"):
        RandomFeatureNet(alpha=GRID).fit(replace(raw, val=raw.val[:0]).build())


@pytest.fixture
def local(monkeypatch):
    """Small graphs, on which a removal reaches most rows, take the local path all the same."""
    monkeypatch.setattr(random_feature_module, "MOST", 2.0)
    switch("never")
    yield
    switch("as it is")


@pytest.fixture(params=CONFIGURATIONS)
def case(request):
    estimator, options = CONFIGURATIONS[request.param]
    return estimator, random_raw(3, num_nodes=150, degree=2.0, **options)


def each_removal(raw):
    for number in range(20):
        kind = KINDS[number % 5]
        generator = np.random.default_rng(number)
        removal = draw_removal(raw, kind, 1 + 2 * (number % 2), generator)
        yield removal | (Removal(labels=generator.permutation(raw.train)[:1]) if kind == "label" else Removal())


def test_every_kind_of_removal_leaves_the_bytes_of_a_fresh_fit(case, local):
    estimator, raw = case
    fitted = clone(estimator).fit(raw.build())
    digests, paths = {fitted.digest()}, Counter()
    for number, removal in enumerate(each_removal(raw)):
        level = ("frozen", "reselected")[number % 2]
        model = copy.deepcopy(fitted)
        receipt = model.unlearn(removal, level=level)
        paths[receipt.path] += 1
        chosen = fitted.choices_ if level == "frozen" and estimator._has_choices() else None
        assert_same(model, refit(estimator, raw.without(removal), number, chosen))
        digests.add(model.digest())
    # The comparison can tell: removals lead elsewhere, unless two are the same.
    assert len(digests) > 18
    assert paths["local"] > 4
    assert set(paths) <= {"local", "fitted anew: a coarse statistic moved"}


class Sequences(Unlearning):
    """Requests on end, to models of all configurations."""

    estimators: ClassVar = {name: estimator for name, (estimator, _) in CONFIGURATIONS.items()}

    def fit(self):
        self.chooses = self.estimator._has_choices()
        return super().fit()


def test_every_sequence_of_requests_leaves_the_bytes_of_a_fresh_fit():
    run(Sequences, max_examples=12, stateful_step_count=8)


def test_every_sequence_by_the_local_path(local):
    run(Sequences, max_examples=12, stateful_step_count=8)


@pytest.mark.slow
def test_every_sequence_of_many():
    run(Sequences, max_examples=300, stateful_step_count=16)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["cora", "minesweeper", "facebook-pages", "squirrel-filtered"])
def test_real_graphs_against_a_fresh_process(data, data_root, tmp_path):
    estimator = RandomFeatureNet(messages=200, alpha=[30.0, 300.0], projection=64)
    cases = [(kind, size, level) for kind in KINDS for size in (1, 5, 25) for level in ("frozen", "reselected")]
    unlearnt, refitted = unlearn_and_refit(read_raw(data_root, data), estimator, cases, tmp_path)
    different = [case for case, ours, theirs in zip(cases, unlearnt, refitted, strict=True) if ours != theirs]
    assert len(unlearnt) == len(cases)
    assert different == []


def test_a_router_may_keep_it():
    raw = random_raw(3, num_nodes=120)
    router = RoutedClassifier(assortative=SGCRidge(hops=1), heterophilous=RandomFeatureNet(messages=16))
    model = clone(router).fit(raw.build())
    gone = Removal(nodes=raw.ids[:2], edges=raw.edges[-2:])
    model.unlearn(gone, missing="ignore")
    assert_same(model, clone(router).fit(raw.without(gone).build()))


def test_names_of_one_operator_are_one_model():
    raw = random_raw(0)
    named, number = (RandomFeatureNet(messages=4, operator=o).fit(raw.build()) for o in ("symmetric", np.float64(0.5)))
    assert named.digest() == number.digest()


def with_rows(kind):
    class Broken(RandomFeatureNet):
        def _make_rows(self):
            return kind(self.graph_, self._inputs, int(self.messages), int(self.seed))

    return Broken


class ReachesOneStep(RandomRows):
    """Does not send again what holds a sum of labels around a neighbour."""

    def reach(self, graph, plan, changed, gone):
        found = super().reach(graph, plan, np.concatenate([changed, gone]), gone[:0])
        everywhere = super().reach(graph, plan, changed, gone)
        return replace(found, relabelled=everywhere.relabelled)


class KeepsSums(RandomRows):
    """Leaves a label that went in the sums around its neighbours."""

    def relabel(self, graph, reach, gone):
        sums = self.around.sums.copy()
        super().relabel(graph, reach, gone)
        self.around.sums[:] = sums


class TakesBackTheNew(RandomRows):
    """Takes messages back as they are now, not as they were sent."""

    def update(self, graph, reach, change, gone):
        return super().update(graph, reach, replace(change, former=self.around.inputs[change.rows]), gone)


class ForgetsLostEdges(RandomRows):
    """Leaves what came along edges that went."""

    def reach(self, graph, plan, changed, gone):
        found = super().reach(graph, plan, changed, gone)
        return replace(found, before=found.after)


class OldGrid(CoarseInputs):
    """Keeps the coarse statistics of the first fit."""

    def _measure(self, graph):
        return self._grid if self._grid[0].size else super()._measure(graph)


class OnAnOldGrid(RandomFeatureNet):
    def _make_inputs(self):
        return OldGrid(super()._make_inputs().propagation)


@pytest.mark.parametrize(
    "broken",
    [*map(with_rows, (ReachesOneStep, KeepsSums, TakesBackTheNew, ForgetsLostEdges)), OnAnOldGrid],
    ids=["reaches one step", "keeps sums", "takes back the new", "forgets lost edges", "old grid"],
)
def test_a_model_that_forgets_wrongly_is_caught(broken, local):
    class Machine(Sequences):
        estimators: ClassVar = {"broken": broken(messages=12)}
        switches = ("never",)

        def save_and_load(self):
            """Variants defined here are fitted, not loaded."""

    with pytest.raises(AssertionError):
        run(Machine, max_examples=40, stateful_step_count=10, derandomize=True)


def test_receipts_name_the_path():
    raw = random_raw(2, num_nodes=400, degree=1.5)
    fitted = RandomFeatureNet(messages=8).fit(raw.build())
    hub = raw.ids[0].item()
    of_last = raw.train[raw.labels[np.searchsorted(raw.ids, raw.train)] == 2]
    cases = {
        "fitted anew: a class went": Removal(labels=of_last),
        "fitted anew: the change reached too far": Removal(nodes=raw.ids[:200]),
        "local": Removal(labels=[next(i for i in raw.train.tolist() if (i, hub) not in {*map(tuple, raw.edges)})]),
    }
    for path, removal in cases.items():
        model = copy.deepcopy(fitted)
        receipt = model.unlearn(removal)
        assert receipt.path == path
        assert_same(model, refit(fitted, raw.without(removal)))
    half = raw.train[: int(0.7 * raw.train.size)]
    most = copy.deepcopy(fitted).unlearn(Removal(labels=half))
    assert most.path == "inputs local, rows and sums computed whole: most training rows reached"
    assert copy.deepcopy(fitted).unlearn(Removal(labels=raw.val[:1])).rows_changed == 0


@pytest.mark.parametrize(("operator", "further"), [("random_walk", 0), ("symmetric", 1), (0.0, 1)])
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_a_removal_reaches_rows_near_it(hops, operator, further):
    """On a ring, where what changes ends; no bound is one too wide. A star elsewhere lets degrees vary."""
    raw = random_raw(0, num_nodes=240)
    ring, star = raw.ids[:200], raw.ids[200:]
    edges = np.column_stack([ring, np.roll(ring, -1)])
    edges = np.concatenate([edges, np.column_stack([np.full(39, star[0]), star[1:]])])
    raw = replace(raw, edges=edges, features=raw.features + np.float32(0.01))
    fitted = RandomFeatureNet(hops=hops, messages=64, operator=operator).fit(raw.build())
    places = np.searchsorted(raw.ids, raw.train)
    radii = {"edges": hops + further, "nodes": hops + 1 + further, "features": hops + 1, "labels": 2}
    local, furthest = 0, Counter()
    for at in range(12, 188, 11):
        node = raw.ids[at].item()
        requests = {"edges": [edges[at]], "nodes": [node], "features": [node], "labels": [node] if at in places else []}
        for kind, asked in requests.items():
            model = copy.deepcopy(fitted)
            former = model._rows.kept(places)
            if model.unlearn(Removal(**{kind: asked})).path != "local" or not asked:
                continue
            local += 1
            stays = model._rows.codes[places] >= 0
            changed = places[stays][(model._rows.kept(places[stays]) != former[stays]).any(axis=1)]
            # Of an edge, the distance to the nearer end.
            distance = np.minimum(abs(changed - at), abs(changed - at - (kind == "edges"))).max(initial=0)
            furthest[kind] = max(furthest[kind], int(distance))
    assert local > 20
    assert furthest == radii


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(threads, monkeypatch):
    raw = random_raw(5, num_nodes=300, num_features=40)
    monkeypatch.setattr("oubli.propagation.threads.SERIAL_WORK", 0 if threads == 2 else 2**40)
    with threadpool_limits(threads, "blas"):
        model = RandomFeatureNet(messages=300).fit(raw.build())
        model.unlearn(Removal(nodes=raw.ids[:1], edges=raw.edges[-1:]))
    expected = RandomFeatureNet(messages=300).fit(raw.build().without(Removal(nodes=raw.ids[:1], edges=raw.edges[-1:])))
    assert_same(model, expected)


def test_a_loaded_model_forgets_and_verifies(case, tmp_path):
    assert_a_loaded_model_forgets(*case, tmp_path / "model")


def test_verification_in_a_fresh_process():
    raw = random_raw(4, num_nodes=80)
    model = RandomFeatureNet(messages=16).fit(raw.build())
    model.unlearn(Removal(nodes=raw.ids[3:5], labels=raw.train[:1]), missing="ignore")
    assert verify(model).identical


def test_nothing_removed_is_saved(tmp_path):
    raw = random_raw(6, num_nodes=60, strings=True)
    names = np.where(raw.labels == 2, "only-theirs", "common")
    names[raw.labels < 0] = ""
    raw = replace(raw, labels=names)
    model = RandomFeatureNet(messages=8).fit(raw.build())
    gone = raw.ids[raw.labels == "only-theirs"]
    model.unlearn(Removal(nodes=gone))
    assert model.classes_.tolist() == ["common"]
    model.save(tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        assert file.is_dir() or b"only-theirs" not in file.read_bytes()
    assert_same(
        load_model(tmp_path / "model"), RandomFeatureNet(messages=8).fit(raw.build().without(Removal(nodes=gone)))
    )


# What it learns, and what rows tell about their own label


def test_it_learns_what_no_mean_tells():
    """Whether the neighbours' features are large, of either sign: averages of them do not say."""
    raw = random_raw(1, num_nodes=1000, num_features=1, degree=6.0)
    features = np.random.default_rng(0).standard_normal((1000, 1)).astype(np.float32)
    places = np.searchsorted(raw.ids, raw.edges)
    total, degree = np.zeros(1000), np.ones(1000)
    for one, other in (places.T, places.T[::-1]):
        np.add.at(total, one, np.abs(features[other, 0]))
        np.add.at(degree, one, 1)
    labels = np.where(raw.labels < 0, -1, total / degree > np.median(total / degree))
    raw = replace(raw, features=features, labels=labels)
    flat, messages = (RandomFeatureNet(messages=m, normalize=None).fit(raw.build()).score() for m in (0, 300))
    assert flat < 0.7
    assert messages > flat + 0.1


def noise(seed, num_nodes=400):
    """Return a graph whose labels and features are drawn apart from everything else."""
    generator = np.random.default_rng([seed, 1])
    raw = random_raw(seed, num_nodes=num_nodes, num_classes=2)
    features = generator.standard_normal(raw.features.shape).astype(np.float32)
    return replace(raw, labels=np.where(raw.labels < 0, -1, generator.integers(0, 2, num_nodes)), features=features)


def excess_on_noise(kind, monkeypatch):
    """Return by how much training nodes agree with their labels beyond ridge on as many columns of pure noise."""
    monkeypatch.setattr("oubli.models.random_rows.RandomMessages", kind)
    found = []
    for seed in range(5):
        raw = noise(seed)
        model = RandomFeatureNet(messages=24, alpha=1.0).fit(raw.build())
        trained = np.isin(raw.ids, raw.train)
        labels = raw.labels[trained]
        rows = model._rows.kept(model._rows.trained)
        width = np.linalg.matrix_rank(rows - rows.mean(axis=0))
        random = np.random.default_rng(seed).standard_normal((labels.size, width))
        control = Ridge(alpha=1.0).fit(random / random.std(axis=0), 2.0 * labels - 1.0)
        chance = np.corrcoef(control.predict(random / random.std(axis=0)), labels)[0, 1]
        margins = model.decision_function(raw.train)
        found.append(np.corrcoef(margins[:, 1] - margins[:, 0], labels)[0, 1] - chance)
    return np.mean(found)


def test_training_nodes_do_not_know_their_own_labels(monkeypatch):
    """With labels at random, the fit to training nodes is that of ridge on noise; with a leak it is far more."""
    honest, leaky = (excess_on_noise(kind, monkeypatch) for kind in (RandomMessages, SeesItself))
    assert abs(honest) < 0.08
    assert leaky > 0.2


def test_the_row_of_a_node_does_not_change_with_its_label():
    raw = noise(7, num_nodes=120)
    model = RandomFeatureNet(messages=24).fit(raw.build())
    slots = np.arange(120)
    before = model._rows.of(model.graph_, slots)
    for node in raw.train[:20].tolist():
        at = int(np.searchsorted(raw.ids, node))
        labels = raw.labels.copy()
        labels[at] = 1 - labels[at]
        other = RandomFeatureNet(messages=24).fit(replace(raw, labels=labels).build())
        after = other._rows.of(other.graph_, slots)
        assert after[at].tobytes() == before[at].tobytes()
        model_without = copy.deepcopy(model)
        model_without.unlearn(Removal(labels=[node]))
        assert model_without._rows.of(model_without.graph_, np.array([at])).tobytes() == before[at].tobytes()


def test_minesweeper(data_root):
    raw = read_raw(data_root, "minesweeper")
    model = RandomFeatureNet().fit(raw.build())
    assert model.score(metric="roc_auc") > 0.94
    removal = draw_removal(raw, "edge", 1, np.random.default_rng(0)) | draw_removal(
        raw, "node", 1, np.random.default_rng(1)
    )
    assert model.unlearn(removal).path == "local"
    assert_same(model, refit(RandomFeatureNet(), raw.without(removal)))
