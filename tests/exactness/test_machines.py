"""One and two threads, and the kernels of other processors: the same bytes."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.worker import describe, run_fresh

from oubli.models import CorrectAndSmooth, LCFNet, RandomFeatureNet, SGCRidge


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Jobs that go through every solve: fixed order, rounded from sums, rounded from rows, kernels, landmarks."""
    folder = tmp_path_factory.mktemp("jobs")
    grid = [0.01, 1.0]
    small = SGCRidge(hops=2, operator="symmetric", alpha=grid, representation="concat", class_weight="balanced")
    cases = {
        "fixed order": (small, random_raw(1, num_nodes=300, num_features=20)),
        "sums": (SGCRidge(hops=1, operator=0.4), random_raw(2, num_nodes=1300, num_features=560, sparse=True)),
        "rows": (SGCRidge(hops=1, alpha=grid), random_raw(3, num_nodes=200, num_features=600, sparse=True)),
        "smooth": (CorrectAndSmooth(SGCRidge(hops=1), iterations=10), random_raw(4, num_nodes=300)),
    }
    layered = {"layers": 2, "random_features": 32, "components": 16}
    # So large that most kernels take their parallel code.
    wide = random_raw(5, num_nodes=700, num_features=60)
    cases |= {
        "kernel": (LCFNet(bandwidth=[0.1, 0.3], **layered), wide),
        "covariances": (LCFNet(head="linear", label_folds=3, **layered), wide),
        "landmarks": (LCFNet(landmarks=100, operator="symmetric", **layered), wide),
        "random features": (RandomFeatureNet(messages=600, hops=2, alpha=[10.0, 100.0]), wide),
        "components of rows": (
            CorrectAndSmooth(LCFNet(scaling="block", **layered), iterations=3),
            random_raw(6, num_nodes=200, num_features=900, sparse=True),
        ),
    }
    made = []
    for name, (estimator, raw) in cases.items():
        path = folder / f"{name}.npz"
        raw.save(path)
        generator = np.random.default_rng(0)
        requests = [draw_removal(raw, kind, 2, generator).to_json() for kind in KINDS[:3]]
        made.append({"graph": str(path), "estimator": describe(estimator), "requests": requests})
    return made


def threads(count):
    names = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: str(count) for name in names}


@pytest.fixture(scope="module")
def one_thread(jobs, tmp_path_factory):
    return run_fresh("unlearn", jobs, tmp_path_factory.mktemp("one"), **threads(1))


def test_one_and_two_threads(jobs, one_thread, tmp_path):
    two = run_fresh("unlearn", jobs, tmp_path, **threads(2))
    if two["threads"] != [2]:
        pytest.skip(f"BLAS takes {two['threads']} threads here")
    assert one_thread["threads"] == [1]
    assert two["results"] == one_thread["results"]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="kernels of x86 processors")
def test_two_processor_kernels(jobs, tmp_path):
    told = {}
    for kernel in ("Haswell", "Nehalem"):
        told[kernel] = run_fresh("unlearn", jobs, tmp_path, OPENBLAS_CORETYPE=kernel, **threads(1))
        if told[kernel]["blas"] != [kernel]:
            pytest.skip(f"BLAS takes {told[kernel]['blas']}, not {kernel}")
    assert told["Haswell"]["results"] == told["Nehalem"]["results"]
    # The comparison can tell: a solution straight from LAPACK differs between the two.
    assert told["Haswell"]["lapack"] != told["Nehalem"]["lapack"]


@pytest.mark.slow
def test_kernels_compiled_for_a_plain_processor(jobs, one_thread, tmp_path):
    """Without wide vectors and fused multiply-add, compiled anew: the kernels' sums have one order."""
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    told = run_fresh("unlearn", jobs, tmp_path, **threads(2), **plain)
    assert told["results"] == one_thread["results"]
