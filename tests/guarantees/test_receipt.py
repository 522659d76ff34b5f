"""Receipts travel as JSON and come back equal."""

from __future__ import annotations

import json

import pytest

from oubli.errors import InputError
from oubli.guarantees import Certified, Exact, Heuristic, Receipt

FIELDS = {
    "removed": {"nodes": 1, "edges": 4, "features": 0, "labels": 2},
    "remaining": {"nodes": 9, "edges": 20, "training_nodes": 3},
    "rows_changed": 5,
    "reached": [4, 12],
    "path": "local",
    "choices": {"alpha": 0.1, "projection": None},
    "weights_sha256": "ab" * 32,
    "seconds": 0.25,
    "version": "0.1.0",
    "created": "2026-01-01T00:00:00+00:00",
    "ignored": {"nodes": ["x"], "edges": [["a", "b"]]},
    "changed_choices": {"alpha": 1.0},
    "classes_lost": [2],
}


@pytest.mark.parametrize(
    "guarantee",
    [Exact("frozen"), Exact("reselected"), Certified(1.0, 1e-4, 0.25, 0.5), Heuristic("fine-tuned")],
    ids=lambda guarantee: guarantee.to_dict()["kind"],
)
def test_receipts_come_back_equal(guarantee):
    receipt = Receipt(guarantee=guarantee, **FIELDS)
    again = Receipt.from_json(receipt.to_json())
    assert again == receipt
    assert type(again.guarantee) is type(guarantee)
    assert json.loads(receipt.to_json())["guarantee"]["kind"] in ("exact", "certified", "heuristic")
    assert again != Receipt(guarantee=guarantee, **FIELDS | {"rows_changed": 6})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        '{"guarantee": "exact"}',
        '{"guarantee": null}',
        '{"guarantee": {"kind": "magic"}}',
        '{"guarantee": {"kind": "exact"}}',
        '{"guarantee": {"kind": "exact", "level": "frozen"}, "colour": 1}',
    ],
)
def test_what_is_no_receipt(text):
    with pytest.raises(InputError, match="receipt"):
        Receipt.from_json(text)
