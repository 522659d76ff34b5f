"""Closed forms beside graph neural networks: accuracy, what fitting and forgetting cost, and the tables of it all.

``python -m benchmarks.accuracy [--tables] [NAME ...]`` runs what has not been run yet, stage by stage, and writes
benchmarks/results/accuracy.{json,md} and the figure of the guide. It can be stopped at any time and goes on where it
was; a first run takes some hours of one core.
"""

from __future__ import annotations

from benchmarks.threads import limit_threads

if __name__ == "__main__":
    limit_threads(1)

import argparse
from collections.abc import Sequence

from benchmarks.accuracy import closed_forms, costs, gnns
from benchmarks.accuracy.tables import write_tables

STAGES = {
    "closed forms": lambda names: closed_forms.main(names),
    "two-layer networks": lambda names: gnns.main(["--models", "gcn,sage,gat", *names]),
    "deep networks": lambda names: gnns.main(["--models", "deep", *names]),
    "costs": lambda names: costs.main(names),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stages and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to run; all without any")
    parser.add_argument("--tables", action="store_true", help="run nothing, write the tables of what is there")
    chosen = parser.parse_args(arguments)
    for name, stage in STAGES.items():
        if not chosen.tables:
            print(f"Stage: {name}", flush=True)
            stage(chosen.names)
    print(write_tables())


if __name__ == "__main__":
    main()
