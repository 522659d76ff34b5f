"""Time removals beside full re-solves, on one thread, and write results/unlearning.json and .md.

``--model random-feature`` measures RandomFeatureNet instead and writes results/unlearning-random-feature.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.threads import limit_threads


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unlearning", description=__doc__)
    parser.add_argument("--model", choices=["sgc", "random-feature"], default="sgc", help="whose tables (default: sgc)")
    parser.add_argument("--quick", action="store_true", help="small sizes and few draws: a minute or less")
    parser.add_argument("--generated", action="store_true", help="a small generated graph instead of real ones")
    parser.add_argument("--data", nargs="+", metavar="NAME", help="random-feature: only these; other rows stay")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", help="name of the results (default: unlearning, or unlearning-random-feature)")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    # Imported now, when the environment says how many threads there may be.
    from benchmarks.unlearning import random_feature, tables

    options = {"quick": chosen.quick, "generated": chosen.generated, "folder": chosen.folder}
    if chosen.model == "sgc":
        target = tables.run(chosen.name or "unlearning", **options)
    else:
        which = {"data": chosen.data} if chosen.data else {}
        target = random_feature.run(chosen.name or "unlearning-random-feature", **options, **which)
    print(f"{target} ({time.perf_counter() - started:.0f} s)")


if __name__ == "__main__":
    limit_threads(1)
    main()
