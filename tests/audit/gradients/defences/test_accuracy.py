"""What defences cost in accuracy."""

import numpy as np
import pytest
import torch

from oubli.audit.gradients import Defence, ModelForm
from oubli.audit.gradients.defences import accuracy_under, parse_defence
from oubli.audit.gradients.defences.accuracy import AccuracyUnder, accuracy, fold_of
from oubli.errors import InputError
from oubli.graph import GraphCollection, LabelledGraph, generate_molecules, load_collection


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def easy():
    """Graphs whose class is whether they hold any atom of type 1."""
    rng = np.random.default_rng(0)
    graphs = []
    for number in range(72):
        types = np.zeros(6, np.int64)
        types[:2] = number % 2
        features = np.eye(2)[rng.permutation(types)]
        graphs.append(LabelledGraph([[i, i + 1] for i in range(5)], features, number % 2))
    return GraphCollection(tuple(graphs))


FORM = ModelForm(2, 2, hidden=(8, 8))


def test_strong_noise_hurts_and_faint_noise_does_not(easy):
    options = {"num_folds": 3, "epochs": 10, "server_rate": 0.05}
    plain, faint, strong = (
        accuracy_under(parse_defence(text), FORM, easy, **options) for text in ("none", "noise:1e-3", "noise:30")
    )
    assert plain.mean > 0.95
    assert faint.mean > 0.95
    assert strong.change_from(plain)[2] < 0
    assert (plain.rounds, plain.majority) == (10, 0.5)
    assert len(plain.folds) == 3


def test_labels_that_nothing_tells_give_the_null():
    graphs = generate_molecules(80, 1, max_nodes=12, label_noise=0.5)
    found = accuracy_under(Defence(), ModelForm(4, 2, hidden=(8,)), graphs, num_folds=4, epochs=2)
    assert found.low <= 0.5 <= found.high


def test_the_interval_is_the_corrected_t():
    folds = (0.7, 0.8, 0.9, 0.8)
    other = AccuracyUnder(0.8, 0.0, 1.0, folds, 1, 0.5)
    mean, low, high = AccuracyUnder(
        0.9, 0.0, 1.0, tuple(f + d for f, d in zip(folds, (0.1, 0.2, 0, 0.1), strict=True)), 1, 0.5
    ).change_from(other)
    # By hand: deviation of the changes 0.08165, t of 3 degrees 3.1824, variance times 1/4 + 1/3.
    assert mean == pytest.approx(0.1)
    assert (high - mean, mean - low) == pytest.approx([3.18245 * 0.0816497 * (7 / 12) ** 0.5] * 2, rel=1e-4)
    with pytest.raises(InputError, match="3 and 4; compare"):
        AccuracyUnder(0.9, 0, 1, (0.9, 0.9, 0.9), 1, 0.5).change_from(other)


def test_folds_are_even_in_each_class():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [33, 20, 7]))
    folds = fold_of(labels, 5, 0)
    assert np.ptp(np.bincount(folds)) == 0
    for label in range(3):
        assert np.ptp(np.bincount(folds[labels == label], minlength=5)) <= 1
    assert (folds == fold_of(labels, 5, 0)).all()
    assert (folds != fold_of(labels, 5, 1)).any()
    for wrong in (1, 61):
        with pytest.raises(InputError, match=r"num_folds: expected 2 \.\. 60"):
            fold_of(labels, wrong, 0)


def test_accuracy_counts_graphs(easy):
    weights = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in FORM.shapes().items()}
    weights["c1"][1] = 1.0
    assert accuracy(FORM, weights, easy[:5]) == 2 / 5


@pytest.mark.slow
def test_mutag(data_root):
    graphs = load_collection("tu-mutag", root=data_root)
    form = ModelForm(7, 2, pooling="sum")
    plain, faint, strong = (
        # Norms are often above 1 here, and clipping to 1 costs accuracy without any noise.
        accuracy_under(parse_defence(text), form, graphs)
        for text in ("none", "noise:1e-3:10", "noise:1")
    )
    assert plain.low > plain.majority
    low, high = faint.change_from(plain)[1:]
    assert low <= 0 <= high
    assert strong.change_from(plain)[2] < 0
