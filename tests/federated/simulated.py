"""Runs the example federation and prints what came of it as JSON; Ray leaves files open, so a process of its own."""

import json
import sys

import numpy as np
from tests.federated.federation import FORM, Noise

from oubli.audit.gradients import Defence
from oubli.federated import simulate
from oubli.graph import generate_molecules


def main(sigma):
    defence = Noise(sigma=sigma) if sigma else Defence()
    outcome = simulate(generate_molecules(12, seed=5, num_types=4), FORM, defence, num_clients=4, num_rounds=2, seed=1)
    errors = [
        np.linalg.norm(each.embedding - secret.embeddings[0].numpy()) / np.linalg.norm(secret.embeddings[0].numpy())
        for each, secret in zip(outcome.observations, outcome.secrets, strict=True)
    ]
    first = outcome.observations[:4]
    averaged = sum(each.transcript.weights["W1"] - 0.1 * each.transcript.gradient["W1"] for each in first) / 4
    return {
        "victims": outcome.victims,
        "labels": [each.labels for each in outcome.observations],
        "truth": [[secret.graphs[0].label] for secret in outcome.secrets],
        "errors": errors,
        "drift": float((averaged - outcome.observations[4].transcript.weights["W1"]).abs().max()),
        "threat_model": outcome.observations[0].threat_model,
    }


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]))))  # noqa: T201
