"""Counts: the true ones are a solution, and those that are excluded are not found again."""

from dataclasses import replace

import numpy as np
import pytest

from oubli.audit.gradients import invert_head
from oubli.audit.gradients.lifting import node_profiles, profile_histogram
from oubli.audit.gradients.lifting.activity import count_active
from oubli.audit.gradients.lifting.candidates import combine_profiles
from oubli.audit.gradients.lifting.counts import UnsettledError, count_system, slot_balance, solve_counts
from oubli.audit.gradients.lifting.states import gradient_columns, level_zero, next_level


def posed(graph, transcript, mean=None):
    """Return system, candidates and true counts, with all combinations of the one-hop profiles that are there."""
    form, head = transcript.form, invert_head(transcript)
    present = sorted(set(node_profiles(graph, 1)))
    candidates = combine_profiles(present, 10**5)
    levels = [level_zero(form, sorted(set(node_profiles(graph, 0))))]
    levels.append(next_level(form, transcript.weights, levels[-1], 1, present))
    levels.append(next_level(form, transcript.weights, levels[-1], 2, candidates))
    columns = gradient_columns(form, transcript.weights, levels, head.sensitivity)
    seen = {**transcript.gradient, "h": head.embedding}
    activity = count_active(form, seen, head.sensitivity, graph.num_nodes)
    equations = activity.equations(levels[-1]) if activity else None
    mean = form.pooling == "mean" if mean is None else mean
    system = count_system(columns, seen, candidates, equations, transcript.rounding, graph.num_nodes, mean)
    histogram = profile_histogram(graph, 2)
    return system, activity, levels[-1], np.array([histogram[profile] for profile in candidates])


@pytest.mark.parametrize("pooling", ["mean", "sum"])
@pytest.mark.parametrize("known", [True, False])
def test_the_true_counts_are_found(make_molecule, observe, pooling, known):
    for seed in range(3):
        graph = make_molecule(seed, rings=2)
        system, _, _, true = posed(graph, observe([graph], pooling=pooling))
        found = solve_counts(system, graph.num_nodes if known else None, np.zeros(len(true)), 5.0)
        assert found.tolist() == true.tolist()


def test_a_wrong_normalisation_has_no_solution(make_molecule, observe):
    graph = make_molecule(0, rings=2)
    system, _, _, true = posed(graph, observe([graph], pooling="mean"), mean=False)
    assert solve_counts(system, graph.num_nodes, np.zeros(len(true)), 5.0) is None


def test_excluded_counts_are_not_found_again(make_molecule, observe):
    graph = make_molecule(0, rings=2)
    system, _, _, true = posed(graph, observe([graph]))
    assert solve_counts(system, graph.num_nodes, np.zeros(len(true)), 5.0, [true]) is None


def test_time_that_is_over_settles_nothing(make_molecule, observe):
    graph = make_molecule(0, rings=2)
    system, _, _, true = posed(graph, observe([graph]))
    vague = replace(system, tolerances=system.tolerances + 1, active=system.active[:0], numbers=system.numbers[:0])
    with pytest.raises(UnsettledError):
        solve_counts(vague, graph.num_nodes, np.arange(len(true)) % 7, 0.0, [true])


def test_slots_of_a_graph_balance(make_molecule, observe):
    for seed in range(10):
        histogram = profile_histogram(make_molecule(seed, rings=2), 2)
        balance = slot_balance(list(histogram)).toarray()
        counts = np.array(list(histogram.values()))
        left = balance[:, : len(counts)] @ counts
        # Rows of equal profiles have an unknown number of edges: their slots are even.
        own = balance[:, len(counts) :].any(axis=1)
        assert (left[~own] == 0).all()
        assert (left[own] % 2 == 0).all()


@pytest.mark.parametrize(("activation", "precision"), [("relu", "float32"), ("leaky_relu", "float64")])
def test_active_nodes_are_counted_exactly_and_exclude_nothing_that_is_there(
    make_molecule, observe, activation, precision
):
    for seed in range(5):
        graph = make_molecule(seed, rings=2)
        transcript = observe([graph], activation=activation, precision=precision)
        _, activity, top, true = posed(graph, transcript)
        rows, numbers = activity.equations(top)
        assert (rows @ true == numbers).all()
        assert activity.possible(top)[true > 0].all()


def test_smooth_activations_tell_no_numbers(make_molecule, observe):
    graph = make_molecule(0)
    _, activity, _, _ = posed(graph, observe([graph], activation="tanh"))
    assert activity is None
