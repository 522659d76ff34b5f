"""The other side of `processes.run_phase`: one phase, in a fresh process that compiled code is loaded into first."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the phase that a file describes, and write what it returns to another."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # NumPy reads how many threads it may have when it is imported.
    from benchmarks.scale import phases
    from benchmarks.scale.usage import memory

    phase, answer = job.pop("phase"), Path(job.pop("answer"))
    result = phases.PHASES[phase](**job)
    result["hwm"] = memory(os.getpid())["hwm"]
    answer.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
