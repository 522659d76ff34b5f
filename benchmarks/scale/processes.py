"""A phase in a process of its own, its memory watched from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.scale.usage import memory
from benchmarks.threads import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
EVERY = 0.05
"""Seconds between two looks at the memory."""


def run_phase(phase: str, threads: int, **job: Any) -> dict[str, Any]:
    """Run a function of `benchmarks.scale.phases` in a fresh process and return what it returned.

    Each of its marks is given the peaks, in bytes, of what was in use while it lasted: "anon" and "rss" of the process
    and its children together.

    Raises
    ------
    SystemExit
        When it fails; it has said why.
    """
    with tempfile.TemporaryDirectory(prefix="oubli-scale-") as folder:
        request, answer = Path(folder) / "job.json", Path(folder) / "result.json"
        request.write_text(json.dumps({"phase": phase, "answer": str(answer), **job}), encoding="utf-8")
        paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | dict.fromkeys(VARIABLES, str(threads)) | {"PYTHONPATH": os.pathsep.join(paths)}
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.scale.child", str(request)], env=environment)
        try:
            samples = _watch(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise SystemExit(f"{phase}: the process ended with {process.returncode}")
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    for mark in result["marks"]:
        mark |= _peaks(samples, mark["begin"], mark["end"])
    return result


def _watch(process: subprocess.Popen[bytes]) -> list[tuple[float, int, int]]:
    samples = []
    while process.poll() is None:
        found = memory(process.pid)
        samples.append((time.monotonic(), found["anon"], found["rss"]))
        time.sleep(EVERY)
    return samples


def _peaks(samples: list[tuple[float, int, int]], begin: float, end: float) -> dict[str, int]:
    """Return the largest of the samples from the last one before `begin` to the first one after `end`."""
    within = [at for at, sample in enumerate(samples) if begin <= sample[0] <= end]
    before = [at for at, sample in enumerate(samples) if sample[0] < begin][-1:]
    after = [at for at, sample in enumerate(samples) if sample[0] > end][:1]
    chosen = [samples[at] for at in [*before, *within, *after]]
    return {"anon": max((s[1] for s in chosen), default=0), "rss": max((s[2] for s in chosen), default=0)}
