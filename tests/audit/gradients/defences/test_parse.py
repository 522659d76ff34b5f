"""Defences as a command line spells them."""

import pytest

from oubli.audit.gradients.defences import (
    Batch,
    ClipAndNoise,
    Combination,
    Defence,
    Float16,
    Int8,
    LocalSteps,
    SecureAggregation,
    TopK,
    parse_defence,
)
from oubli.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Defence(name="none")),
        (" Float16 ", Float16()),
        ("int8", Int8()),
        ("top-k:0.1", TopK(share_kept=0.1, name="top-k:0.1")),
        ("noise:1e-2", ClipAndNoise(sigma=0.01, name="noise:1e-2")),
        ("noise:1e+1:0.5", ClipAndNoise(sigma=10.0, clip=0.5, name="noise:1e+1:0.5")),
        ("local-steps:5", LocalSteps(name="local-steps:5")),
        ("local-steps:3:0.01", LocalSteps(local_steps=3, learning_rate=0.01, name="local-steps:3:0.01")),
        ("batch:8", Batch(name="batch:8")),
        ("secure-aggregation:6", SecureAggregation(num_clients=6, num_graphs=6, name="secure-aggregation:6")),
    ],
)
def test_each_has_a_spelling(text, expected):
    assert parse_defence(text) == expected
    assert parse_defence(text).name == text.strip().lower()


def test_several_are_joined():
    joined = parse_defence("noise:1e+1+float16 + local-steps:3:0.2+none+batch:2")
    assert isinstance(joined, Combination)
    assert [type(part) for part in joined.parts] == [ClipAndNoise, Float16, LocalSteps, Defence, Batch]
    assert (joined.num_graphs, joined.local_steps, joined.learning_rate, joined.num_clients) == (2, 3, 0.2, 1)
    assert joined.name == "noise:1e+1+float16 + local-steps:3:0.2+none+batch:2"
    assert joined.describe().count("; then ") == 4
    assert joined.rounding(0.0) >= 10.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"'' is not supported; supported: none, float16, int8, top-k:SHARE"),
        ("gaussian:1", "'gaussian' is not supported; .*noise:SIGMA"),
        ("noise", r"written noise:SIGMA\[:CLIP\]"),
        ("noise:1:2:3", r"written noise:SIGMA\[:CLIP\]"),
        ("noise:loud", r"written noise:SIGMA.*loud"),
        ("batch:2.5", "written batch:GRAPHS"),
        ("float16:8", "written float16"),
        ("noise:-1", "sigma must be above 0"),
        ("float16+", "'' is not supported"),
        ("batch:2+batch:3", "batch:2 and batch:3 both set graphs_per_client"),
        ("local-steps:2+local-steps:3", "both set local_steps"),
        ("secure-aggregation:2+secure-aggregation:2", "both set num_clients"),
    ],
)
def test_what_is_not_supported_is_said(text, said):
    with pytest.raises(InputError, match=said):
        parse_defence(text)
