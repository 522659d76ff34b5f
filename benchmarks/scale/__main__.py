"""Measure import, fit, removals, re-solve and verification from a million edges to a billion.

``python -m benchmarks.scale`` climbs the whole ladder and writes results/scale.{json,md,svg} after each step; rows of
other sizes and engines stay. One size alone: ``python -m benchmarks.scale --sizes 1000M``. What it takes on the disk is
said, and looked for, before a size is begun.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

NAME = "scale"
FEATURES = (16, 128)
QUICK = "2M"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    chosen = _parse(arguments)
    started = time.perf_counter()
    from benchmarks.scale.ladder import Plan, climb
    from benchmarks.scale.sizes import LADDER, WIDE_UP_TO, Size, parse_size
    from benchmarks.scale.tables import Results

    names = chosen.sizes or ([QUICK] if chosen.quick else LADDER)
    widths = chosen.features or (FEATURES[:1] if chosen.quick else FEATURES)
    sizes = [Size(parse_size(name), features) for features in widths for name in names]
    if not chosen.features:
        sizes = [size for size in sizes if size.features == FEATURES[0] or size.arcs <= WIDE_UP_TO]
    rounds, draws = (1, 2) if chosen.quick else (chosen.rounds, chosen.draws)
    plan = Plan(rounds, draws, chosen.threads, chosen.memory << 20, not chosen.no_verify)
    # Starting clusters alone takes as long as all the rest of a quick run.
    engines = chosen.engines or (["memory", "mmap"] if chosen.quick else None)
    results = Results(chosen.name, chosen.folder)
    with tempfile.TemporaryDirectory(prefix="oubli-scale-") as own:
        scratch = chosen.scratch or Path(own)
        target = climb(sizes, engines, plan, scratch, chosen.keep, results)
    print(f"{target} ({time.perf_counter() - started:.0f} s)")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sizes", nargs="+", metavar="ARCS", help="such as 2M or 1G (default: 1M up to 1000M)")
    parser.add_argument("--features", nargs="+", type=int, help="columns (default: 16, and 128 up to 200M)")
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=["memory", "mmap", "dask"],
        help="default: those that fit, but no dask if --quick",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} arcs and few draws: the same path in a minute")
    parser.add_argument("--rounds", type=int, default=3, help="re-solves, each after a process that forgets")
    parser.add_argument("--draws", type=int, default=2, help="requests of each case in such a process")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: as many as cores")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB", help="for the importer (default: 1024)")
    parser.add_argument("--no-verify", action="store_true", help="rebuild nothing in another process at the end")
    parser.add_argument("--scratch", type=Path, metavar="FOLDER", help="for graphs and models; needs room")
    parser.add_argument("--keep", action="store_true", help="leave graphs and models there, and use graphs found there")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", default=NAME, help=f"name of the results (default: {NAME})")
    chosen = parser.parse_args(arguments)
    if chosen.keep and chosen.scratch is None:
        parser.error("--keep needs --scratch FOLDER to keep things in")
    return chosen


if __name__ == "__main__":
    main()
