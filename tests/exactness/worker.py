"""A fresh process that sees raw graphs and parameters, and nothing else of a model.

``python -m tests.exactness.worker fit JOBS`` fits each job and prints its digests; ``... unlearn JOBS`` fits each and
then unlearns its requests. JOBS is a JSON file: a list of objects with "graph" (a file of `RawGraph.save`), "estimator"
(class and parameters) and, for unlearning, "requests" (texts of `Removal.to_json`).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tests.exactness.raw import RawGraph

from oubli import Removal
from oubli.models import CorrectAndSmooth, LCFNet, NodeClassifier, RandomFeatureNet, SGCRidge

ROOT = Path(__file__).resolve().parents[2]
SHUFFLE_SEED = 7


def describe(estimator: NodeClassifier) -> dict[str, Any]:
    """Return class and parameters as plain values."""
    params = estimator.get_params(deep=False)
    if isinstance(estimator, CorrectAndSmooth):
        params["base"] = describe(params["base"])
    return {"class": type(estimator).__name__, "params": params}


def make(description: dict[str, Any]) -> NodeClassifier:
    """Return the estimator that was described."""
    params = dict(description["params"])
    if description["class"] == "CorrectAndSmooth":
        return CorrectAndSmooth(**params | {"base": make(params["base"])})
    known = {kind.__name__: kind for kind in (SGCRidge, LCFNet, RandomFeatureNet)}
    return known[description["class"]](**params)


def fingerprint(model: NodeClassifier) -> dict[str, Any]:
    """Return the model's digest and the SHA-256 of the scores of all nodes, computed here."""
    scores = model.decision_function()
    return {
        "digest": model.digest(),
        "scores": hashlib.sha256(np.ascontiguousarray(scores).tobytes()).hexdigest(),
        "choices": model.choices_,
    }


def run_fresh(task: str, jobs: list[dict[str, Any]], folder: Path, **environment: str) -> dict[str, Any]:
    """Run jobs in a fresh process and return what it printed."""
    file = folder / "jobs.json"
    file.write_text(json.dumps(jobs))
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.exactness.worker", task, str(file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lapack_bytes() -> str:
    """Return the SHA-256 of a plain LAPACK solution, which does depend on threads and processor kernels."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((700, 500))
    solution = np.linalg.solve(rows.T @ rows + np.eye(500), rows.T @ generator.standard_normal((700, 3)))
    return hashlib.sha256(solution.tobytes()).hexdigest()


def main(task: str, file: str) -> None:
    """Do the jobs in a file and print the results as JSON."""
    results = []
    for job in json.loads(Path(file).read_text()):
        generator = np.random.default_rng(SHUFFLE_SEED)
        model = make(job["estimator"]).fit(RawGraph.load(job["graph"]).build(generator))
        for request in job.get("requests", []) if task == "unlearn" else []:
            model.unlearn(Removal.from_json(request))
        results.append(fingerprint(model))
    told: dict[str, Any] = {"results": results}
    if task == "unlearn":
        from threadpoolctl import threadpool_info

        told["lapack"] = lapack_bytes()
        told["blas"] = sorted(
            {str(pool.get("architecture")) for pool in threadpool_info() if pool["user_api"] == "blas"}
        )
        told["threads"] = sorted({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
