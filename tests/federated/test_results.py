"""What a federation gave away becomes an audit's results, with nulls beside, and a page."""

import json

import numpy as np
import pytest
from tests.federated.federation import CLIENTS, FORM, GRAPHS, PARAMETERS, RATE, ROUNDS, run

from oubli.audit.gradients import Attack, Case, Defence, Reconstruction
from oubli.audit.gradients.defences import parse_defence
from oubli.audit.gradients.head_only import HeadOnly
from oubli.errors import InputError
from oubli.federated import AuditStrategy, Outcome, UpdateAudit, defence_mod, federation_results
from oubli.report import gradient_report


class Always(Attack):
    """A null: class 0, and the mean of nothing."""

    name = "always"
    kind = "null"

    def reconstruct(self, transcripts, seed=0):
        return [Reconstruction(labels=(0,), embedding=np.zeros(FORM.hidden[-1])) for _ in transcripts]


class Refusing(Always):
    name = "refusing"
    kind = "attack"

    def check(self, transcript):
        raise InputError("not this model")


def outcome(defence):
    mods = [defence_mod(defence, RATE, parameters=PARAMETERS, seed=0)]
    strategy, _ = run(AuditStrategy, mods, audit=UpdateAudit(PARAMETERS, RATE, defence=defence, one_hot=True))
    # As in tests.federated.federation: the client p holds graph 4 (r - 1) + p in round r.
    victims = tuple(CLIENTS * (each.round - 1) + each.metrics["partition-id"] for each in strategy.observations)
    secrets = tuple(
        Case(FORM, each.transcript.weights).observe([GRAPHS[victim]])[1]
        for each, victim in zip(strategy.observations, victims, strict=True)
    )
    return Outcome(defence, tuple(strategy.observations), victims, secrets, {}, 1.0)


@pytest.fixture(scope="module")
def results():
    outcomes = [outcome(Defence()), outcome(parse_defence("noise:1e-1")), outcome(parse_defence("float16"))]
    return federation_results(outcomes, GRAPHS, [HeadOnly(), Always(), Refusing()])


def line(results, defence, attack, metric):
    return next(
        each
        for each in results["summary"]
        if (each["defence"], each["attack"], each["metric"]) == (defence, attack, metric)
    )


def test_the_summary_says_what_was_recovered_beyond_the_null(results):
    labels = line(results, "none", "head", "label")
    assert (labels["value"], labels["victims"], labels["null"]) == (1.0, CLIENTS * ROUNDS, "always")
    assert labels["null_value"] == np.mean([graph.label == 0 for graph in GRAPHS])
    assert line(results, "none", "head", "embedding_error")["value"] < 1e-4
    assert line(results, "noise:1e-1", "head", "embedding_error")["value"] > 0.1


def test_rows_are_one_a_client_and_round(results):
    found = [(row["defence"], row["attack"], row["victim"]) for row in results["rows"]]
    assert len(set(found)) == len(found) == 3 * 2 * CLIENTS * ROUNDS
    assert {each["attack"] for each in results["unsupported"]} == {"refusing"}


def test_epsilon_stands_beside_noise_only(results):
    epsilons = {each["name"]: each["epsilon"] for each in results["defences"]}
    assert epsilons["noise:1e-1"] > 0
    assert epsilons["none"] is None
    assert epsilons["float16"] is None


def test_the_results_are_plain_and_make_a_page(results):
    page = gradient_report(json.loads(json.dumps(results, allow_nan=False)))
    assert "Attacker: an honest-but-curious server" in page


def test_what_cannot_be_compared_is_refused():
    one = outcome(Defence())
    with pytest.raises(InputError, match="no null among head"):
        federation_results([one], GRAPHS, [HeadOnly()])
    with pytest.raises(InputError, match="different defences"):
        federation_results([one, one], GRAPHS, [HeadOnly(), Always()])
