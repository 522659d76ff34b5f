"""Digests: the same for the same values, however they are stored, and for nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from oubli.guarantees import canonical_digest
from oubli.guarantees import digest as digest_module


def digest(array):
    return canonical_digest([("part", array)])


@pytest.mark.parametrize("stored", ["<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u2", ">u4", "<u8"])
def test_storage_of_integers_does_not_matter(stored):
    values = np.arange(24).reshape(4, 6)
    assert digest(values.astype(stored)) == digest(values)
    assert digest(np.asfortranarray(values.astype(stored))) == digest(values)
    assert digest(np.repeat(values, 2, axis=1).astype(stored)[:, ::2]) == digest(values)


@pytest.mark.parametrize("stored", ["<f4", ">f4", "<f8", ">f8", "<f2"])
def test_storage_of_floats_does_not_matter(stored):
    values = np.arange(-3, 9).reshape(3, 4) / 8
    assert digest(values.astype(stored)) == digest(values)


def test_strings_and_truth_values():
    names = np.array(["a", "Ünal", "日"])
    assert digest(names) == digest(names.astype("U40"))
    assert digest(names) != digest(names[::-1].copy())
    assert digest(np.array(["ab", "c"])) != digest(np.array(["a", "bc"]))
    assert digest(np.array([True, False])) == digest(np.array([1, 0]))


def test_every_value_position_shape_and_name_matters():
    values = np.zeros((6, 4))
    others = [values.reshape(4, 6), values.ravel(), values[None], values[:5], np.zeros((0, 4)), np.zeros((4, 0))]
    for at in range(values.size):
        changed = values.copy()
        changed.flat[at] = np.nextafter(0, 1)
        others.append(changed)
    others.append(-values)
    assert len({digest(other) for other in [values, *others]}) == len(others) + 1
    assert canonical_digest([("a", values)]) != canonical_digest([("b", values)])
    assert canonical_digest([("a", 1), ("b", 2)]) != canonical_digest([("b", 2), ("a", 1)])
    assert canonical_digest([("a", {"x": 1, "y": 2})]) == canonical_digest([("a", {"y": 2, "x": 1})])
    assert canonical_digest([("a", {"x": 1})]) != canonical_digest([("a", {"x": 2})])


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 8, 14, 15, 100])
def test_boundaries_of_chunks_do_not_matter(rows, monkeypatch):
    values = np.arange(rows * 3, dtype=np.int16).reshape(rows, 3)
    whole = digest(values)
    monkeypatch.setattr(digest_module, "CHUNK", 7)
    assert digest(values) == whole


def test_the_digest_is_the_sha256_that_is_documented():
    values = np.array([[1, -2], [3, 4]], np.int32)
    expected = hashlib.sha256(b"\0part\0" + b"(2, 2)<i8" + values.astype("<i8").tobytes()).hexdigest()
    assert digest(values) == expected
