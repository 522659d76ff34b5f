"""The example federation runs as its documentation says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_the_example_writes_results_and_report(tmp_path):
    command = [sys.executable, "-m", "examples.federation", "--defences", "none", "-o", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    assert "none: 8 of 8 labels recovered" in done.stdout
    assert "Attacker: an honest-but-curious server" in done.stdout
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {line["kind"] for line in results["summary"]} == {"attack", "null"}
    assert (tmp_path / "report.html").stat().st_size > 10_000
