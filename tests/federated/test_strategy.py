"""A curious server recovers what one-step updates give away, and nobody notices."""

import flwr.serverapp.strategy as strategies
import numpy as np
import pytest
import torch
from flwr.app import Error, Message
from tests.federated.federation import (
    CLIENTS,
    FORM,
    PARAMETERS,
    RATE,
    ROUNDS,
    SHARDS,
    Noise,
    assert_same_arrays,
    run,
    victim,
)

from oubli.audit.gradients import Attack, Case, Defence, Reconstruction
from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.errors import InputError
from oubli.federated import AuditStrategy, GradientObserver, UpdateAudit, defence_mod


def audit(**arguments):
    return UpdateAudit(PARAMETERS, RATE, **arguments)


@pytest.fixture(scope="module")
def observed():
    return run(AuditStrategy, audit=audit())


def test_labels_and_embeddings_of_all_clients_are_recovered(observed):
    found = observed[0].observations
    assert [each.round for each in found] == [1] * CLIENTS + [2] * CLIENTS
    assert len({each.node for each in found}) == CLIENTS
    for each in found:
        truth = Case(FORM, each.transcript.weights).observe([victim(each)])[1]
        assert each.labels == (truth.graphs[0].label,)
        np.testing.assert_allclose(each.embedding, truth.embeddings[0].numpy(), rtol=0, atol=1e-4)
        assert each.reconstructions["head"].determined


def test_the_transcript_tells_how_far_it_is_off(observed):
    for each in observed[0].observations:
        truth = loss_gradient(FORM, each.transcript.weights, [victim(each)])
        error = relative_distance(each.transcript.gradient, truth)
        assert each.transcript.rounding / 20 < error < each.transcript.rounding < 1e-4


def test_observing_changes_nothing(observed):
    assert_same_arrays(observed[1], run()[1])


@pytest.mark.parametrize("name", ["FedAdam", "FedProx", "Krum"])
def test_other_strategies_can_be_observed(name):
    plain = getattr(strategies, name)
    curious = type(f"Curious{name}", (GradientObserver, plain), {})
    arguments = {"proximal_mu": 0.1} if name == "FedProx" else {}
    strategy, arrays = run(curious, audit=audit(), **arguments)
    assert all(each.labels == (victim(each).label,) for each in strategy.observations)
    assert_same_arrays(arrays, run(plain, **arguments)[1])


def test_noise_added_by_the_server_protects_nobody(observed):
    class Noisy(GradientObserver, strategies.DifferentialPrivacyServerSideFixedClipping):
        pass

    def wrapped(*, audit, **arguments):
        inner = strategies.FedAvg(**arguments)
        return Noisy(inner, noise_multiplier=0.1, clipping_norm=1.0, num_sampled_clients=CLIENTS, audit=audit)

    strategy, arrays = run(wrapped, audit=audit())
    assert not np.allclose(arrays[0], observed[1][0])
    assert all(each.labels == (victim(each).label,) for each in strategy.observations)
    first = {each.node: each for each in observed[0].observations[:CLIENTS]}
    for each in strategy.observations[:CLIENTS]:
        np.testing.assert_array_equal(each.embedding, first[each.node].embedding)


def test_noise_added_by_the_clients_hides_the_embedding(observed):
    mods = [defence_mod(Noise(sigma=0.1), RATE, parameters=PARAMETERS, seed=0)]
    strategy, _ = run(AuditStrategy, mods, audit=audit(defence=Noise(sigma=0.1)))
    for each in strategy.observations:
        truth = Case(FORM, each.transcript.weights).observe([victim(each)])[1].embeddings[0].numpy()
        assert np.linalg.norm(each.embedding - truth) > 0.1 * np.linalg.norm(truth)
        assert not each.reconstructions["head"].determined


def test_float64_weights_and_gradients_cost_no_digits():
    strategy, _ = run(AuditStrategy, audit=audit(), dtype=torch.float64)
    assert all(each.transcript.rounding < 1e-13 for each in strategy.observations)
    weights = FORM.draw(1)
    gradient = loss_gradient(FORM, weights, [SHARDS[0][0]])
    direct = audit(shares="gradient").transcript(PARAMETERS.to_arrays(weights), PARAMETERS.to_arrays(gradient))
    assert direct.rounding == 2.0**-53
    assert relative_distance(direct.gradient, gradient) == 0.0


def test_several_local_steps_are_averaged():
    steps = Defence("local-steps:3", local_steps=3, learning_rate=RATE)
    strategy, _ = run(AuditStrategy, defence=steps, audit=audit(local_steps=3))
    for each in strategy.observations:
        truth = loss_gradient(FORM, each.transcript.weights, [victim(each)])
        assert 1e-4 < relative_distance(each.transcript.gradient, truth) < 0.5
        assert each.labels == (victim(each).label,)
    assert "the mean of 3 steps of SGD" in strategy.observations[0].threat_model


def test_rounds_can_be_chosen():
    strategy, _ = run(AuditStrategy, audit=audit(), rounds={2})
    assert [each.round for each in strategy.observations] == [2] * CLIENTS


def test_a_client_that_fails_and_one_that_sends_nothing_new_are_no_hindrance():
    def lazy(message, context, call_next):
        if context.node_config["partition-id"] == 0:
            return Message(Error(code=0, reason="out of order"), reply_to=message)
        reply = call_next(message, context)
        if context.node_config["partition-id"] == 1:
            reply.content["arrays"] = message.content["arrays"]
        return reply

    strategy, _ = run(AuditStrategy, [lazy], audit=audit())
    assert len(strategy.observations) == (CLIENTS - 1) * ROUNDS
    idle = [each for each in strategy.observations if each.metrics["partition-id"] == 1]
    assert all("zero" in each.reconstructions["head"].note and each.labels is None for each in idle)


class Picky(Attack):
    """Takes two at once, knows how many it was prepared for, and refuses graphs of class 0."""

    name = "picky"
    batch_size = 2

    def check(self, transcript):
        if float(transcript.gradient["c1"][0]) < 0:
            raise InputError("class 0")

    def prepare(self, transcripts, seed=0):
        self.prepared = len(transcripts)

    def reconstruct(self, transcripts, seed=0):
        assert len(transcripts) <= 2
        return [Reconstruction(details={"prepared": self.prepared}) for _ in transcripts]


def test_attacks_get_whole_rounds_and_may_refuse():
    strategy, _ = run(AuditStrategy, audit=audit(attacks=(Picky(),)))
    for each in strategy.observations:
        guess = each.reconstructions["picky"]
        of_class_1 = [o for o in strategy.observations if o.round == each.round and victim(o).label == 1]
        assert guess.note == "class 0" if victim(each).label == 0 else guess.details["prepared"] == len(of_class_1)


def test_of_a_batch_no_label_is_claimed():
    weights, batch = FORM.draw(1), [SHARDS[0][0], SHARDS[1][0], SHARDS[2][0]]
    gradient = loss_gradient(FORM, weights, batch)
    several = audit(shares="gradient", num_graphs=3)
    found = several.attack([several.transcript(PARAMETERS.to_arrays(weights), PARAMETERS.to_arrays(gradient))])[0]
    assert found["head"].labels is None
    assert found["head"].embedding is None
    assert found["head"].details["head_residual"] > 0.01


@pytest.mark.parametrize(
    "arguments", [{"learning_rate": 0.0}, {"local_steps": 0}, {"num_graphs": 0}, {"shares": "bits"}], ids=str
)
def test_bad_settings_are_refused(arguments):
    with pytest.raises(InputError):
        UpdateAudit(**{"parameters": PARAMETERS, "learning_rate": RATE} | arguments)
