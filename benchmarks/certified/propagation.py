"""Time embeddings that forget edges, lazily and exactly, and write results/certified-propagation.json and .md."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.threads import limit_threads

NAME = "certified-propagation"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certified.propagation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few draws and small batches: a minute or less")
    parser.add_argument("--generated", action="store_true", help="a small generated graph instead of ogbn-arxiv")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", default=NAME, help=f"name of the results (default: {NAME})")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    # Imported now, when the environment says how many threads there may be.
    from benchmarks.certified.embeddings import run

    target = run(chosen.name, chosen.quick, chosen.generated, chosen.folder)
    print(f"{target} ({time.perf_counter() - started:.0f} s)")


if __name__ == "__main__":
    limit_threads(1)
    main()
