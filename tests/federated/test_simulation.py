"""The example federation, by Flower's simulation engine with Ray where marked slow, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.federated.federation import FORM

from oubli.audit.gradients import Defence
from oubli.errors import InputError
from oubli.federated import simulate
from oubli.graph import generate_molecules

ROOT = Path(__file__).parent.parent.parent


def simulated(sigma):
    command = [sys.executable, "-m", "tests.federated.simulated", str(sigma)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.slow_sample
def test_a_federation_of_four_gives_away_its_labels_and_embeddings():
    found = simulated(0.0)
    assert len(set(found["victims"])) == 8  # another graph each time
    assert found["labels"] == found["truth"]
    assert max(found["errors"]) < 1e-4
    assert found["drift"] < 1e-7  # the server's weights of round 2 are the mean of what clients sent in round 1
    assert "one step of SGD" in found["threat_model"]


@pytest.mark.slow
def test_noise_of_the_clients_reaches_the_server():
    assert min(simulated(0.02)["errors"]) > 1e-2


def test_defences_that_mix_graphs_are_refused():
    with pytest.raises(InputError, match="train on one a round"):
        simulate(generate_molecules(12, num_types=4), FORM, Defence("batch:8", num_graphs=8))


def test_too_few_graphs_are_refused():
    with pytest.raises(InputError, match="12 graphs, and 14 are needed"):
        simulate(generate_molecules(12, num_types=4), FORM, num_clients=7, num_rounds=2)
