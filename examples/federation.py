"""A federation of four, audited with and without a defence: ``python -m examples.federation -o federation``.

Writes results.json, its tables and report.html. Needs ``pip install "oubli[flower,report]"``.
"""

import argparse
import logging
import os
from pathlib import Path

# Flower and Ray report each run to their makers unless told not to before they are imported.
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

from oubli.audit.gradients import ModelForm
from oubli.audit.gradients.attacks import build_attacks
from oubli.audit.gradients.defences import parse_defence
from oubli.audit.gradients.head_only import HeadOnly
from oubli.audit.gradients.run.results import write_results
from oubli.federated import federation_results, simulate
from oubli.graph import generate_molecules, load_collection
from oubli.report import write_gradient_report


def main() -> None:
    options = read_options()
    logging.getLogger("flwr").setLevel(logging.WARNING)
    graphs = load_collection(options.data, root=options.root) if options.data else generate_molecules(seed=options.seed)
    form = ModelForm(graphs.num_features, graphs.num_classes, activation=options.activation)
    needed = options.clients * options.rounds
    # The clients' graphs, and others of the same kind that the server has.
    half = len(graphs) // 2
    held, known = graphs.select(range(half)), graphs.select(range(half, len(graphs)))
    outcomes = []
    for name in options.defences:
        outcome = simulate(
            held,
            form,
            parse_defence(name),
            num_clients=options.clients,
            num_rounds=options.rounds,
            auxiliary=known.graphs,
            auxiliary_source=f"of {graphs.name}, none of them a client's",
            seed=options.seed,
        )
        right = sum(
            each.labels == (secret.graphs[0].label,)
            for each, secret in zip(outcome.observations, outcome.secrets, strict=True)
        )
        print(f"{name}: {right} of {needed} labels recovered; the simulation took {outcome.seconds:.0f} s")
        outcomes.append(outcome)
    attacks = [HeadOnly(), *build_attacks([*options.attacks, "nulls"]).values()]
    results = federation_results(outcomes, held, attacks, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    write_results(options.output, results)
    page = write_gradient_report(results, options.output / "report.html")
    print(f"{results['threat_model']}\nThe report: {page}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="a collection such as tu-mutag; by default generated molecules")
    parser.add_argument("--root", type=Path, help="the folder of its .npz file")
    parser.add_argument("--defences", nargs="+", default=["none", "noise:1e-1"])
    parser.add_argument("--attacks", nargs="*", default=["lifting"], help="beside head inversion and the nulls")
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("federation"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
