"""What defences cost: the accuracy of models that are trained on defended updates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.computation import DenseGraphs, check_fits, forward, operator_of
from oubli.audit.gradients.defences.training import SERVER_RATE, train_under
from oubli.audit.gradients.form import ModelForm
from oubli.errors import InputError
from oubli.graph.collection import GraphCollection, LabelledGraph

CONFIDENCE = 0.95


@dataclass(frozen=True)
class AccuracyUnder:
    """Test accuracy of models that were trained under a defence.

    Parameters
    ----------
    mean : float
        Over folds.
    low, high : float
        Ends of a 95 % interval of the mean: Student's t with the variance corrected for folds that share training
        graphs (Nadeau and Bengio, "Inference for the generalization error", Machine Learning 2003).
    folds : tuple of float
        Accuracy of each fold; the same defence or another, the same seed means the same folds and first weights.
    rounds : int
        Most rounds that a client took part in; what `epsilon` needs.
    majority : float
        The null: accuracy of always saying the class that most training graphs have.
    """

    mean: float
    low: float
    high: float
    folds: tuple[float, ...]
    rounds: int
    majority: float

    def change_from(self, other: AccuracyUnder) -> tuple[float, float, float]:
        """Return how much more accurate this is than another, and the ends of the interval, paired by fold.

        Raises
        ------
        InputError
            When the two have different numbers of folds.
        """
        if len(self.folds) != len(other.folds):
            raise InputError(f"folds: {len(self.folds)} and {len(other.folds)}; compare what has the same folds")
        changes = [mine - theirs for mine, theirs in zip(self.folds, other.folds, strict=True)]
        mean, half = float(np.mean(changes)), _half_width(changes)
        return mean, mean - half, mean + half


def accuracy_under(
    defence: Defence,
    form: ModelForm,
    collection: GraphCollection,
    seed: int = 0,
    *,
    num_folds: int = 10,
    epochs: int = 20,
    server_rate: float = SERVER_RATE,
) -> AccuracyUnder:
    """Measure the accuracy of a model whose clients all defend their updates.

    Stratified cross-validation; on each fold a model is trained by `train_under` and tested on the graphs left out. No
    choice is made by test accuracy: the last round's weights count.

    Parameters
    ----------
    defence : Defence
    form : ModelForm
    collection : GraphCollection
    seed : int, default 0
        Of folds, first weights, order of clients and noise; all but the noise are the same for every defence whose
        clients hold one graph.
    num_folds : int, default 10
        Two or more.
    epochs, server_rate
        As in `train_under`.

    Returns
    -------
    AccuracyUnder

    Raises
    ------
    InputError
        For values out of range, or graphs that do not fit the form.
    """
    labels = np.array([graph.label for graph in collection])
    places = fold_of(labels, num_folds, seed)
    scores, nulls, rounds = [], [], 0
    for fold in range(num_folds):
        inside, outside = np.flatnonzero(places != fold), np.flatnonzero(places == fold)
        trained = train_under(
            defence, form, collection.select(inside), epochs=epochs, seed=seed + fold, server_rate=server_rate
        )
        scores.append(accuracy(form, trained.weights, collection.select(outside)))
        nulls.append(float(np.mean(labels[outside] == np.bincount(labels[inside]).argmax())))
        rounds = max(rounds, trained.rounds)
    mean, half = float(np.mean(scores)), _half_width(scores)
    return AccuracyUnder(
        mean, max(0.0, mean - half), min(1.0, mean + half), tuple(scores), rounds, float(np.mean(nulls))
    )


def _half_width(scores: Sequence[float]) -> float:
    folds = len(scores)
    # Test graphs over training graphs: 1 / (folds - 1).
    variance = float(np.var(scores, ddof=1)) * (1 / folds + 1 / (folds - 1))
    return float(student.ppf((1 + CONFIDENCE) / 2, folds - 1)) * math.sqrt(variance)


def accuracy(form: ModelForm, weights: Mapping[str, Tensor], graphs: Sequence[LabelledGraph]) -> float:
    """Return the share of graphs whose label the model says, in float64."""
    check_fits(form, tuple(graphs))
    dense = DenseGraphs.of(tuple(graphs))
    said = forward(form, weights, operator_of(form, dense.adjacency), dense.features, dense.mask).logits.argmax(-1)
    return float(np.mean(said.numpy() == np.array([graph.label for graph in graphs])))


def fold_of(labels: NDArray[np.int64], num_folds: int, seed: int) -> NDArray[np.int64]:
    """Deal graphs to folds, as evenly as can be in each class, at random.

    Returns
    -------
    ndarray of int64, shape (graphs,)

    Raises
    ------
    InputError
        For fewer than two folds, or more than graphs.
    """
    if not 2 <= num_folds <= len(labels):
        raise InputError(f"num_folds: expected 2 .. {len(labels)}, as many as there are graphs, got {num_folds}")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), np.int64)
    folds[by_class] = np.arange(len(labels)) % num_folds
    return folds
