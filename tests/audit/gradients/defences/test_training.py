"""Federations in which every update passes through a defence."""

from dataclasses import dataclass

import pytest
import torch

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.computation import (
    DenseGraphs,
    forward,
    loss_gradient,
    losses,
    operator_of,
    relative_distance,
)
from oubli.audit.gradients.defences import parse_defence, train
from oubli.audit.gradients.defences.training import train_under
from oubli.errors import InputError
from oubli.graph import generate_molecules

GRAPHS = generate_molecules(40, 0, max_nodes=14)
FORM = ModelForm(4, 2, hidden=(12, 10), pooling="sum")


@dataclass(frozen=True, kw_only=True)
class Recording(Defence):
    """Keeps what it was given."""

    kept: list

    def share(self, gradient, generator):
        self.kept.append(gradient)
        return dict(gradient)


@pytest.mark.parametrize("layer", ["gcn", "gin"])
@pytest.mark.parametrize("pooling", ["sum", "mean", "max"])
def test_clients_compute_what_a_case_computes(layer, pooling):
    # Side by side, padded, batched; and yet one graph's gradient each.
    form, defence = ModelForm(4, 2, (6, 5), "tanh", pooling=pooling, head=(4,), layer=layer), Recording(kept=[])
    train_under(defence, form, GRAPHS[:8], epochs=1, seed=3)
    case = Case(form, form.draw(3), "float32")
    alone = [loss_gradient(form, case.weights, [graph]) for graph in GRAPHS[:8]]
    assert len(defence.kept) == 8
    for graph in alone:
        assert min(relative_distance(seen, graph) for seen in defence.kept) < 1e-5


def test_batches_and_local_steps_of_clients():
    kept = Recording(kept=[], num_graphs=3, local_steps=4, learning_rate=0.3)
    train_under(kept, FORM, GRAPHS[:8], epochs=1, seed=3)
    assert len(kept.kept) == 2  # of four graphs each: none is left out
    one = Recording(kept=[], num_graphs=8, local_steps=4, learning_rate=0.3)
    train_under(one, FORM, GRAPHS[:8], epochs=1, seed=3)
    case = Case(FORM, FORM.draw(3), "float64")
    expected, _ = case.observe(GRAPHS[:8], Defence(num_graphs=8, local_steps=4, learning_rate=0.3))
    assert relative_distance(one.kept[0], expected.gradient) < 1e-5


def test_hands_of_different_sizes_weigh_their_own_graphs():
    kept = Recording(kept=[], num_graphs=2)
    train_under(kept, FORM, GRAPHS[:5], epochs=1, seed=3)
    whole = loss_gradient(FORM, FORM.draw(3, torch.float64), GRAPHS[:5])
    (first, second) = kept.kept
    assert len(kept.kept) == 2
    weighted = [
        {name: (3 * one[name] + 2 * other[name]) / 5 for name in whole}
        for one, other in ((first, second), (second, first))
    ]
    assert min(relative_distance(mean, whole) for mean in weighted) < 1e-5


def test_a_seed_names_the_weights():
    one, same, other = (train(FORM, GRAPHS, 2, seed) for seed in (1, 1, 2))
    noisy = [train_under(parse_defence("noise:0.1"), FORM, GRAPHS, epochs=2, seed=1).weights for _ in range(2)]
    assert relative_distance(one, same) == 0
    assert relative_distance(*noisy) == 0
    assert relative_distance(one, other) > 0.1
    assert relative_distance(one, noisy[0]) > 0.01
    assert {name: tuple(value.shape) for name, value in one.items()} == FORM.shapes()
    assert all(value.dtype == torch.float64 for value in one.values())


def test_training_lowers_the_loss():
    dense = DenseGraphs.of(GRAPHS)
    labels = torch.tensor([graph.label for graph in GRAPHS])

    def loss(weights):
        states = forward(FORM, weights, operator_of(FORM, dense.adjacency), dense.features, dense.mask)
        return float(losses(states.logits, labels).mean())

    before, early, late = (loss(w) for w in (FORM.draw(0), train(FORM, GRAPHS, 10), train(FORM, GRAPHS, 60)))
    assert late < early < before


def test_a_client_takes_part_once_an_epoch():
    kept = Recording(kept=[])
    trained = train_under(kept, FORM, GRAPHS, epochs=3)
    assert (len(kept.kept), trained.rounds) == (3 * 40, 3)


def test_values_out_of_range():
    with pytest.raises(InputError, match="epochs: expected one"):
        train(FORM, GRAPHS, 0)
    with pytest.raises(InputError, match="server_rate: expected"):
        train(FORM, GRAPHS, server_rate=float("nan"))
    with pytest.raises(InputError, match="none given"):
        train(FORM, [])
    with pytest.raises(InputError, match="feature columns"):
        train(ModelForm(5, 2), GRAPHS)
