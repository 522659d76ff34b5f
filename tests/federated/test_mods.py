"""What a client does to its update before it leaves, and what it refuses to send."""

import logging

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
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
from tests.federated.in_process import InProcessGrid

from oubli.audit.gradients import Defence, ParameterMap
from oubli.audit.gradients.computation import relative_distance
from oubli.errors import InputError
from oubli.federated import AuditStrategy, UpdateAudit, defence_mod, self_audit_mod

AUDIT = UpdateAudit(PARAMETERS, RATE)


class Halved(Defence):
    """Sends half of the gradient; nothing random."""

    def share(self, gradient, generator):
        return {name: value / 2 for name, value in gradient.items()}


def test_no_defence_leaves_the_weights_as_they_are():
    assert_same_arrays(run(mods=[defence_mod(Defence(), RATE)])[1], run()[1])


@pytest.mark.parametrize("parameters", [None, PARAMETERS], ids=["by position", "by name"])
def test_a_defence_acts_on_the_gradient(parameters):
    plain = run(AuditStrategy, audit=AUDIT)[0].observations
    halved = run(AuditStrategy, [defence_mod(Halved(), RATE, parameters=parameters)], audit=AUDIT)[0].observations
    for one, two in zip(plain[:CLIENTS], halved[:CLIENTS], strict=True):  # of the first round: the same weights
        twice = {name: 2 * value for name, value in two.transcript.gradient.items()}
        assert relative_distance(twice, one.transcript.gradient) < 4 * two.transcript.rounding


def test_noise_is_of_the_size_that_was_asked_for_and_differs_by_client_and_round():
    def sent(*mods):
        return run(AuditStrategy, mods, audit=AUDIT)[0].observations

    mods = [defence_mod(Noise(sigma=0.5), RATE, seed=3)]
    plain, noisy, again = sent()[:CLIENTS], sent(*mods), sent(*mods)
    added = [
        torch.cat([(two.transcript.gradient[name] - one.transcript.gradient[name]).ravel() for name in FORM.shapes()])
        for one, two in zip(plain, noisy, strict=False)
    ]
    assert all(abs(float(noise.std()) - 0.5) < 0.05 for noise in added)
    correlations = np.corrcoef(np.array([noise.numpy() for noise in added])) - np.eye(CLIENTS)
    assert np.abs(correlations).max() < 0.2
    for one, two in zip(noisy, again, strict=True):
        assert relative_distance(one.transcript.gradient, two.transcript.gradient) == 0.0
    first, second = (noisy[round_ * CLIENTS].transcript.gradient["W1"].ravel() for round_ in range(ROUNDS))
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.4


def test_without_a_seed_noise_is_new_each_time():
    one, two = (run(mods=[defence_mod(Noise(sigma=0.5), RATE)])[1] for _ in range(2))
    assert not np.array_equal(one[0], two[0])


def answer(mods, arrays, reply_arrays, message_type="train"):
    """Send one message to a client that replies with these arrays."""
    app = ClientApp(mods=list(mods))

    @app.train()
    @app.evaluate()
    def reply(message, context):
        content = RecordDict({"arrays": reply_arrays, "metrics": MetricRecord({"num-examples": 1})})
        return Message(content, reply_to=message)

    grid = InProcessGrid(app, 1)
    content = RecordDict({"arrays": arrays, "config": ConfigRecord({"server-round": 1})})
    (found,) = grid.send_and_receive([Message(content, grid.get_node_ids()[0], message_type)])
    return found


def named(**values):
    return ArrayRecord({name: Array(np.asarray(value)) for name, value in values.items()})


def test_names_types_and_integers_are_kept():
    sent = named(a=np.ones(3, np.float32), count=np.array([1]), b=np.ones((2, 2), np.float64))
    back = named(a=np.zeros(3, np.float32), count=np.array([2]), b=np.zeros((2, 2), np.float64))
    found = answer([defence_mod(Halved(), RATE)], sent, back).content["arrays"]
    assert [(name, str(value.numpy().dtype)) for name, value in found.items()] == [
        ("a", "float32"),
        ("count", "int64"),
        ("b", "float64"),
    ]
    assert found["count"].numpy().tolist() == [2]
    np.testing.assert_allclose(found["b"].numpy(), 0.5)


def test_buffers_get_no_noise_where_the_map_knows_them():
    state = ("eps", *FORM.shapes())
    parameters = ParameterMap(FORM, {n: n for n in FORM.shapes()}, frozenset(), state, {"eps": np.zeros(1, np.float32)})
    arrays = ArrayRecord(parameters.to_arrays(FORM.draw(1, torch.float32)))
    found = answer([defence_mod(Noise(sigma=1.0), RATE, parameters=parameters)], arrays, arrays)
    values = found.content["arrays"].to_numpy_ndarrays()
    assert values[0].tolist() == [0.0]
    assert all(
        np.abs(value - given).max() > 1e-3
        for value, given in zip(values[1:], parameters.to_arrays(FORM.draw(1))[1:], strict=True)
    )


def test_only_training_is_changed():
    arrays, other = named(a=np.ones(3)), named(a=np.zeros(3))
    found = answer([defence_mod(Halved(), RATE), self_audit_mod(AUDIT)], arrays, other, "evaluate")
    assert found.content["arrays"]["a"].numpy().tolist() == [0.0] * 3


def test_a_reply_that_is_named_otherwise_is_refused():
    with pytest.raises(InputError, match="named otherwise"):
        answer([defence_mod(Halved(), RATE)], named(a=np.ones(3)), named(b=np.ones(3)))


@pytest.mark.parametrize("defence", [Defence("local-steps:5", local_steps=5), Defence("batch:8", num_graphs=8)])
def test_a_defence_of_training_is_no_mod(defence):
    with pytest.raises(InputError, match="how clients train"):
        defence_mod(defence, RATE)


def test_the_self_audit_refuses_what_gives_away_too_much(caplog):
    strategy, arrays = run(AuditStrategy, [self_audit_mod(AUDIT)], audit=AUDIT)
    assert not strategy.observations
    assert arrays == []  # no round had anything to average
    assert "update not sent: 100% of the gradient explained" in caplog.text


def test_the_self_audit_can_warn_or_report_only(caplog):
    with caplog.at_level(logging.WARNING, "oubli.federated"):
        strategy, arrays = run(AuditStrategy, [self_audit_mod(AUDIT, action="report")], audit=AUDIT)
        assert "gives away" not in caplog.text
        assert run(mods=[self_audit_mod(AUDIT, action="warn")])[1][0].tobytes() == arrays[0].tobytes()
        assert "gives away" in caplog.text
    assert_same_arrays(arrays, run()[1])
    assert all(each.metrics["self-audit-explained"] > 0.999 for each in strategy.observations)


def remember_labels(message, context: Context, call_next):
    """Stands for the client's app, which leaves the labels of its batch in its own state."""
    graph = SHARDS[context.node_config["partition-id"]][message.content["config"]["server-round"] - 1]
    context.state["batch"] = ConfigRecord({"labels": [graph.label]})
    return call_next(message, context)


def test_the_self_audit_sees_what_the_defence_left():
    """Noise leaves little to explain, and many labels: only a client that checks its labels finds out."""
    noise = defence_mod(Noise(sigma=0.05), RATE, seed=0)
    limit = {"limit": 0.9}
    blind, _ = run(AuditStrategy, [self_audit_mod(AUDIT, **limit), noise], audit=AUDIT)
    assert len(blind.observations) == CLIENTS * ROUNDS
    assert sum(each.labels == (victim(each).label,) for each in blind.observations) >= 6
    checked = self_audit_mod(AUDIT, **limit, labels=lambda context: context.state["batch"]["labels"])
    strategy, _ = run(AuditStrategy, [checked, noise, remember_labels], audit=AUDIT)
    assert all(each.labels != (victim(each).label,) for each in strategy.observations)
    # The wrong order audits what the defence has not touched yet.
    wrong, _ = run(AuditStrategy, [noise, self_audit_mod(AUDIT, **limit)], audit=AUDIT)
    assert not wrong.observations


@pytest.mark.parametrize("arguments", [{"action": "shout"}, {"limit": 1.5}], ids=str)
def test_bad_settings_are_refused(arguments):
    with pytest.raises(InputError):
        self_audit_mod(AUDIT, **arguments)
