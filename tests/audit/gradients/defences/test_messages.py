"""What each defence does to a message, by its definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.audit.gradients.defences import (
    Batch,
    ClipAndNoise,
    Float16,
    Int8,
    LocalSteps,
    SecureAggregation,
    TopK,
    parse_defence,
)
from oubli.errors import InputError
from oubli.graph import generate_molecules

GRAPHS = generate_molecules(8, 0)
FORM = ModelForm(4, 2, hidden=(12, 10), head=(6,))


@pytest.fixture(scope="module", params=["float64", "float32"])
def case(request):
    return Case(FORM, FORM.draw(0), request.param)


def seed(number=0):
    return torch.Generator().manual_seed(number)


def message(numbers, dtype=torch.float64):
    half = len(numbers) // 2
    return {"W1": torch.tensor(numbers[:half], dtype=dtype), "c1": torch.tensor(numbers[half:], dtype=dtype)}


def flat(parts):
    return torch.cat([value.reshape(-1) for value in parts.values()]).double().numpy()


numbers = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=4, max_size=30)


@settings(max_examples=60, deadline=None)
@given(numbers, st.sampled_from([torch.float32, torch.float64]))
def test_float16_is_numpys_half_of_the_scaled_message(given, dtype):
    given = [value / 16 for value in given]  # times 1024 it fits
    sent = Float16().share(message(given, dtype), seed())
    expected = (flat(message(given, dtype)) * 1024).astype(np.float16).astype(np.float64) / 1024
    np.testing.assert_array_equal(flat(sent), expected)
    assert all(value.dtype == dtype for value in sent.values())


def test_float16_keeps_small_entries_by_its_scale_and_large_ones_by_lowering_it():
    small = message([1e-9, 3e-7, 1e-5, 1e-3])
    relative = np.abs(flat(Float16().share(small, seed())) / flat(small) - 1)
    assert (relative[1:] < [0.05, 2**-11, 2**-11]).all()
    assert flat(Float16(loss_scale=1.0).share(small, seed()))[0] == 0
    large = message([1.0, 100.0, 7e4, 1e6])
    np.testing.assert_allclose(flat(Float16().share(large, seed())), flat(large), rtol=2**-11)


@settings(max_examples=60, deadline=None)
@given(numbers)
def test_int8_has_255_steps_a_parameter(given):
    sent, original = Int8().share(message(given), seed()), message(given)
    for name, value in original.items():
        largest = float(value.abs().max())
        assert float((sent[name] - value).abs().max()) <= largest * Int8().rounding(0.0) * (1 + 1e-9)
        if largest > 0:
            steps = sent[name] * 127 / largest
            assert torch.allclose(steps, steps.round(), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(numbers, st.floats(0.01, 1))
def test_top_k_keeps_the_largest_of_all_parameters(given, share):
    original, defence = message(given), TopK(share_kept=share)
    sent = flat(defence.share(original, seed()))
    kept, size = math.ceil(share * len(given)), np.sort(np.abs(given))[::-1]
    assert np.count_nonzero(sent) == np.count_nonzero(size[:kept])
    np.testing.assert_array_equal(np.sort(np.abs(sent))[::-1][:kept], size[:kept])
    assert set(np.flatnonzero(sent)) <= {i for i, value in enumerate(given) if value == sent[i]}
    # Both bounds on what is missing hold, and the message's own is no wider.
    norm = np.linalg.norm(given)
    if norm > 0:
        missing = np.linalg.norm(sent - np.array(given)) / norm
        told = defence.rounding_of(defence.share(original, seed()), 2**-53)
        assert missing <= told * (1 + 1e-9) + 1e-9
        assert told <= defence.rounding(2**-53)


def test_noise_clips_the_whole_update_and_blurs_each_entry():
    gradient = {"W1": torch.full((300, 300), 1.0), "c1": torch.full((100,), 1.0)}
    norm = math.sqrt(90_100)
    sent = ClipAndNoise(sigma=0.01, clip=30.0).share(gradient, seed(1))
    rest = flat(sent) - 30 / norm
    assert abs(rest.std() / 0.3 - 1) < 0.02
    assert abs(rest.mean()) < 4 * 0.3 / norm
    assert abs(np.corrcoef(rest[:-1], rest[1:])[0, 1]) < 4 / norm
    # The norm is that of all parameters together: here of norms 10 and 1.
    both = {"W1": torch.full((4,), 5.0), "c1": torch.full((4,), 0.5)}
    np.testing.assert_allclose(
        flat(ClipAndNoise(sigma=1e-9, clip=7.0).share(both, seed())),
        np.repeat([5.0, 0.5], 4) * 7 / math.sqrt(101),
        rtol=1e-6,
    )
    # Below the norm nothing is scaled.
    faint = ClipAndNoise(sigma=1e-9, clip=400.0).share(gradient, seed(1))
    np.testing.assert_allclose(flat(faint), 1.0, atol=1e-5)
    nothing = ClipAndNoise(sigma=1.0).share({"W1": torch.zeros(50, 50)}, seed(2))
    assert abs(flat(nothing).std() - 1) < 0.1


def test_noise_follows_the_generator():
    gradient = loss_gradient(FORM, FORM.draw(0), GRAPHS[:1])
    defence = ClipAndNoise(sigma=0.1)
    one, same, other = (defence.share(gradient, seed(number)) for number in (3, 3, 4))
    assert relative_distance(one, same) == 0
    assert relative_distance(one, other) > 0
    together = seed(3)
    assert relative_distance(defence.share(gradient, together), defence.share(gradient, together)) > 0


def test_a_batch_is_the_mean_and_secure_aggregation_the_same_of_clients(case):
    batch, _ = case.observe(GRAPHS[:4], Batch(num_graphs=4))
    summed, _ = case.observe(GRAPHS[:4], SecureAggregation())
    alone = [case.observe([graph])[0].gradient for graph in GRAPHS[:4]]
    mean = {name: sum(one[name] for one in alone) / 4 for name in batch.gradient}
    tolerance = 1e-14 if case.precision == "float64" else 1e-6
    assert relative_distance(batch.gradient, mean) < tolerance
    assert relative_distance(summed.gradient, mean) < 1e-15
    assert (batch.num_graphs, summed.num_graphs) == (4, 4)
    assert "of one client" in batch.threat_model()
    assert "4 clients with one graph each" in summed.threat_model()


def test_each_client_of_a_sum_defends_its_own_message(case):
    defence = parse_defence("noise:0.5+secure-aggregation:4")
    clean, _ = case.observe(GRAPHS[:4], parse_defence("noise:1e-12+secure-aggregation:4"))
    noisy, _ = case.observe(GRAPHS[:4], defence, seed=1)
    again, _ = case.observe(GRAPHS[:4], defence, seed=1)
    rest = flat(noisy.gradient) - flat(clean.gradient)
    assert abs(rest.std() / (0.5 / 2) - 1) < 0.15  # four noises, averaged
    assert relative_distance(noisy.gradient, again.gradient) == 0


def test_clients_of_a_sum_may_hold_batches_and_walk(case):
    defence = parse_defence("secure-aggregation:2+batch:3+local-steps:2:0.05")
    assert (defence.num_graphs, defence.graphs_per_client) == (6, 3)
    seen, secret = case.observe(GRAPHS[:6], defence)
    walk = parse_defence("batch:3+local-steps:2:0.05")
    alone = [case.observe(GRAPHS[start : start + 3], walk)[0].gradient for start in (0, 3)]
    mean = {name: (alone[0][name] + alone[1][name]) / 2 for name in alone[0]}
    assert relative_distance(seen.gradient, mean) < 1e-12
    assert len(secret.graphs) == 6


def test_local_steps_are_the_mean_of_the_gradients_on_the_way(case):
    seen, _ = case.observe(GRAPHS[:1], LocalSteps(local_steps=3, learning_rate=0.2))
    weights, way = {name: value.double() for name, value in case.weights.items()}, []
    for _ in range(3):
        way.append(loss_gradient(FORM, weights, GRAPHS[:1]))
        weights = {name: value - 0.2 * way[-1][name] for name, value in weights.items()}
    mean = {name: sum(one[name] for one in way) / 3 for name in weights}
    assert relative_distance(seen.gradient, mean) < (1e-13 if case.precision == "float64" else 1e-4)
    first = relative_distance(mean, way[0])
    assert 0.02 < first < LocalSteps(local_steps=3, learning_rate=0.2).rounding(2**-24) * 3


@pytest.mark.parametrize("text", ["none", "float16", "int8", "top-k:0.3", "noise:1e-3", "noise:1e-2+float16"])
@pytest.mark.parametrize("name", ["float64", "float32"])
def test_the_rounding_that_is_told_is_about_the_error_that_is_made(text, name):
    case = Case(FORM, FORM.draw(0), name)
    exact = loss_gradient(FORM, FORM.draw(0), GRAPHS[:1])
    clip = min(1.0, 1 / float(np.linalg.norm(flat(exact))))
    exact = {part: value * clip for part, value in exact.items()} if "noise" in text else exact
    seen, _ = case.observe(GRAPHS[:1], parse_defence(text))
    entries = len(flat(exact)) ** 0.5 if "noise" in text else 1.0
    error = relative_distance(seen.gradient, exact) / entries
    assert 0.001 * seen.rounding < error < 20 * seen.rounding or text == "none"
    if text == "none":
        assert error < 20 * seen.rounding


def test_what_is_done_is_told_in_the_threat_model(case):
    for text in ("float16", "int8", "top-k:0.1", "noise:1", "local-steps:2", "noise:1+int8"):
        defence = parse_defence(text)
        seen, _ = case.observe(GRAPHS[: defence.num_graphs], defence)
        assert defence.describe() in seen.threat_model()
        assert defence.describe() != Defence().describe()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TopK(share_kept=0.0), "share above 0"),
        (lambda: TopK(share_kept=math.nan), "share above 0"),
        (lambda: ClipAndNoise(sigma=0.0), "sigma must be above 0"),
        (lambda: ClipAndNoise(sigma=math.inf), "sigma must be above 0 and finite"),
        (lambda: ClipAndNoise(sigma=1.0, clip=-1.0), "clipping norm must be above 0"),
        (lambda: Batch(num_graphs=0), "needs a graph"),
        (lambda: LocalSteps(local_steps=0), "needs a graph, a step"),
        (lambda: LocalSteps(learning_rate=math.nan), "learning rate nan"),
        (lambda: SecureAggregation(num_clients=3), "as many graphs of each client"),
    ],
)
def test_values_out_of_range(make, said):
    with pytest.raises(InputError, match=said):
        make()
