"""What certified unlearning costs and keeps: requests, batches, noise, attacks and bounds, stage by stage.

``python -m benchmarks.certified [--stage NAME ...] [--data NAME ...]`` runs what is named, everything without names,
and writes results/certified.{json,md} after each stage of each data set; rows of others stay. ``--missing`` goes on
where a run was stopped. Settings are chosen on validation nodes first, where that was not done yet.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.threads import limit_threads

NAME = "certified"
SMALL = ("cora", "citeseer", "amazon-photo", "amazon-computers")
STAGES: dict[str, tuple[str, ...] | None] = {
    "settings": None,
    "batches": None,
    "standard": None,
    "sequence": None,
    "bounds": ("cora", "amazon-photo"),
    "lazy": ("cora", "amazon-photo", "ogbn-arxiv"),
    "adversarial": SMALL,
    "halves": SMALL,
    "noise": ("cora", "amazon-photo"),
}
"""Data sets of each stage; None: all."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certified", description=__doc__)
    parser.add_argument("--stage", nargs="+", choices=list(STAGES), default=list(STAGES), help="only these")
    parser.add_argument("--data", nargs="+", metavar="NAME", help="only these data sets")
    parser.add_argument("--missing", action="store_true", help="leave out what has rows already")
    parser.add_argument("--quick", action="store_true", help="few draws: seconds with --generated")
    parser.add_argument("--generated", action="store_true", help="a small generated graph instead of real ones")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", default=NAME, help=f"name of the results (default: {NAME})")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    # Imported now, when the environment says how many threads there may be.
    from benchmarks.certified import stages

    wanted = {name: STAGES[name] for name in STAGES if name in chosen.stage}
    data = ["generated"] if chosen.generated else chosen.data
    target = stages.run(wanted, data, chosen.missing, chosen.quick, chosen.name, chosen.folder)
    print(f"{target} ({time.perf_counter() - started:.0f} s)")


if __name__ == "__main__":
    limit_threads(1)
    main()
