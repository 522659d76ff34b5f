"""How long the command line takes to say what it can do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from benchmarks.results import Table, make_table
from benchmarks.timing import interleave, summary

CALLS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "oubli --help": [sys.executable, "-c", "from oubli.cli import main; main()", "--help"],
    "oubli fit --help": [sys.executable, "-c", "from oubli.cli import main; main()", "fit", "--help"],
}


def startup_tables(draws: int) -> list[Table]:
    """Time ``--help`` in processes of their own; without a table where the command line is not installed."""
    if importlib.util.find_spec("oubli.cli") is None:
        return []
    cases = {
        name: lambda call=call: subprocess.run(call, check=True, capture_output=True) for name, call in CALLS.items()
    }
    samples = interleave(cases, draws)
    rows = [{"command": name, "wall_s": summary(times.wall)} for name, times in samples.items()]
    columns = [("command", "command"), ("wall_s.median", "wall s", ".2f"), ("wall_s.min", "min", ".2f")]
    return [make_table("Start", [*columns, ("wall_s.max", "max", ".2f")], rows, "The whole process, files in cache.")]
