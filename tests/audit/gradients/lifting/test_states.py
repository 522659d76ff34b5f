"""The linear system: a graph's gradient is the sum of its profiles' columns, for every kind of model."""

import numpy as np
import pytest
import torch

from oubli.audit.gradients import invert_head
from oubli.audit.gradients.lifting import node_profiles, profile_histogram, states
from oubli.audit.gradients.lifting.states import gradient_columns, level_zero, next_level

FORMS = [
    {"layer": layer, "activation": activation, "hidden": hidden, "pooling": pooling, "bias": bias}
    for layer, activation, hidden, pooling, bias in [
        ("gcn", "tanh", (16, 12), "mean", True),
        ("gcn", "relu", (16, 12), "sum", True),
        ("gcn", "gelu", (8, 16, 12), "mean", False),
        ("gcn", "leaky_relu", (16,), "mean", True),
        ("gin", "relu", (16, 12), "mean", True),
        ("gin", "sigmoid", (8, 16, 12), "sum", False),
    ]
]


def misfit(graph, transcript):
    """Return the largest relative error of the columns' sums, by block."""
    form, head = transcript.form, invert_head(transcript)
    degrees = form.layer == "gcn"
    levels = [level_zero(form, sorted(set(node_profiles(graph, 0, degrees))))]
    for layer in range(1, form.num_layers + 1):
        present = sorted(set(node_profiles(graph, layer, degrees)))
        levels.append(next_level(form, transcript.weights, levels[-1], layer, present))
    columns = gradient_columns(form, transcript.weights, levels, head.sensitivity)
    histogram = profile_histogram(graph, form.num_layers, degrees)
    counts = np.array([histogram[profile] for profile in levels[-1].profiles], float)
    counts /= graph.num_nodes if form.pooling == "mean" else 1
    seen = {**transcript.gradient, "h": head.embedding}
    graph_layers = {name for name in transcript.gradient if name[0] in "WbUd"}
    assert set(columns.matrices) == graph_layers | {"h"}
    targets = {name: columns.target(name, seen[name]) for name in columns.matrices}
    return max(
        np.linalg.norm(matrix @ counts - targets[name]) / np.linalg.norm(targets[name])
        for name, matrix in columns.matrices.items()
    )


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))
def test_columns_sum_to_the_gradient(make_molecule, observe, form):
    graph = make_molecule(5, rings=2)
    assert misfit(graph, observe([graph], **form)) < 1e-10


def test_a_wrong_normalisation_shows(make_molecule, observe, monkeypatch):
    right = states._mixing

    def by_rows(*arguments):
        matrix = right(*arguments)
        return matrix.multiply(1 / matrix.sum(axis=1)[:, None]).tocsr()

    monkeypatch.setattr(states, "_mixing", by_rows)
    graph = make_molecule(5, rings=2)
    assert misfit(graph, observe([graph], **FORMS[0])) > 1e-3


def test_projected_targets_keep_all_of_the_gradient(make_molecule, observe):
    graph = make_molecule(2)
    transcript = observe([graph])
    levels = [level_zero(transcript.form, sorted(set(node_profiles(graph, 0))))]
    for layer in (1, 2):
        present = sorted(set(node_profiles(graph, layer)))
        levels.append(next_level(transcript.form, transcript.weights, levels[-1], layer, present))
    columns = gradient_columns(transcript.form, transcript.weights, levels, torch.ones(32, dtype=torch.float64))
    for name in ("W1", "W2"):
        kept = np.linalg.norm(columns.target(name, transcript.gradient[name]))
        assert kept == pytest.approx(float(transcript.gradient[name].norm()), rel=1e-9)
