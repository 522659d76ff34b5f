import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.audit.inversion.transcripts import (
    CLASSES,
    NODES,
    PAIRS,
    disjoint_pairs,
    joined,
    observed,
    pitfall,
    transcript,
    with_answers,
)

from oubli.audit.curves import area_under_curve
from oubli.audit.inversion import pair_training, reference, trend
from oubli.audit.inversion.attacks import ALL, ATTACKS, NULLS, build_attack, build_attacks
from oubli.audit.inversion.group import best_threshold
from oubli.audit.inversion.transcript import Observation, Shadow, Transcript
from oubli.errors import InputError

ASKING = [name for name in ATTACKS if name not in NULLS]
BEFORE = [name for name in ASKING if name.startswith("difference-")]
AFTER = [name for name in ASKING if name not in BEFORE]
CHANCE = 0.16
"""Three standard deviations of the area under the curve of 60 against 60 that do not differ."""


def separation(attack, world, above="removed", below="absent"):
    """Area under the curve of one group above another."""
    given, kinds = world
    scores = attack.score(given, 0)
    asked = (kinds == above) | (kinds == below)
    return area_under_curve(scores[asked], kinds[asked] == above)


@pytest.fixture
def briefly(monkeypatch):
    """Networks hardly trained, where what they learn does not matter."""
    monkeypatch.setattr(pair_training, "PUBLISHED", pair_training.Training(epochs=3))
    monkeypatch.setattr(reference, "EPOCHS", 3)


@pytest.fixture(scope="module")
def worlds():
    return {name: transcript(name) for name in ("answers", "features", "neighbours", "before", "nothing")}


@pytest.mark.parametrize("name", AFTER)
def test_answers_that_are_alike_at_the_ends_of_edges_give_them_away(name, worlds):
    assert separation(build_attack(name), worlds["answers"]) > 0.85


@pytest.mark.parametrize("name", BEFORE)
def test_answers_that_changed_at_the_ends_of_removed_edges_give_them_away(name, worlds):
    attack = build_attack(name)
    assert attack.needs_before
    assert separation(attack, worlds["before"]) > 0.75
    assert separation(attack, worlds["before"], "removed", "retained") > 0.75


@pytest.mark.parametrize("name", ["features", "neighbours"])
def test_public_facts_alone_find_what_they_tell(name, worlds):
    assert separation(build_attack(name), worlds[name]) > 0.85


def test_all_are_at_chance_where_nothing_tells(worlds):
    found = {name: separation(attack, worlds["nothing"]) for name, attack in build_attacks([ALL]).items()}
    assert max(abs(area - 0.5) for area in found.values()) < CHANCE, found


def test_nulls_ask_no_model(worlds, briefly):
    given, _ = worlds["answers"]
    other = with_answers(given, np.random.default_rng(5))
    for name in NULLS:
        attack = build_attack(name)
        assert attack.kind == "null"
        np.testing.assert_array_equal(attack.score(given, 3), attack.score(other, 3))


@pytest.mark.parametrize("name", ["stealing", "trend-mia"])
def test_the_shadows_truth_is_what_is_learned(name, worlds):
    given, kinds = worlds["answers"]
    drawn = np.random.default_rng(2).permutation(np.concatenate([given.shadow.retained, given.shadow.absent]))
    removed = np.random.default_rng(3).permutation(np.concatenate([given.shadow.removed, given.shadow.absent]))
    half = len(drawn) // 2
    shadow = replace(given.shadow, retained=drawn[:half], absent=drawn[half:], removed=removed[:half])
    areas = [
        separation(build_attack(name), world) for world in ((given, kinds), (replace(given, shadow=shadow), kinds))
    ]
    assert areas[0] > 0.9
    assert areas[1] < areas[0] - 0.1


def test_what_sets_removed_edges_apart_from_edges_never_had_is_learned_from_the_shadow():
    # Ends of unlearned edges are left less alike than those of edges that the model never had.
    generator = np.random.default_rng(0)
    groups = [disjoint_pairs(generator) for _ in range(2)]
    sides = []
    for part in groups:
        seen = observed(generator, part, "answers")
        answers = joined(seen.posteriors, part["never"], generator)
        answers[part["removed"][:, 1]] = generator.dirichlet(np.full(CLASSES, 0.7), PAIRS)
        sides.append((part, replace(seen, posteriors=answers)))
    (_, seen), (own, shadow) = sides
    known = Shadow(shadow, own["removed"], own["retained"], own["absent"], np.full(NODES, 0), own["never"])
    asked = np.concatenate([groups[0]["removed"], groups[0]["never"]])
    truth = np.arange(len(asked)) < PAIRS
    areas = {
        name: area_under_curve(build_attack(name).score(Transcript(seen, asked, known), 1), truth)
        for name in ("stealing", "stealing-matched")
    }
    assert areas["stealing"] < 0.3
    assert areas["stealing-matched"] > 0.8


@pytest.mark.parametrize("name", ["trend-mia", "trend-steal"])
def test_a_confidence_pitfall_is_found_by_its_trend(name):
    assert separation(build_attack(name), pitfall()) > 0.75


@pytest.mark.parametrize("name", ["stealing-removed", "trend-steal-blind"])
def test_a_confidence_pitfall_is_not_found_without_trends_or_without_answers(name):
    assert abs(separation(build_attack(name), pitfall()) - 0.5) < CHANCE


def test_a_pitfall_of_the_other_sign_misleads_the_trend():
    assert separation(build_attack("trend-steal"), pitfall(depth=(0.06, -0.06))) < 0.5


def test_a_trend_of_the_wrong_sign_is_seen(monkeypatch):
    right, calls = trend.trend_features, []

    def flipped_on_the_victim(*given):
        calls.append(given)
        return right(*given) if len(calls) == 1 else 1 - right(*given)

    monkeypatch.setattr(trend, "trend_features", flipped_on_the_victim)
    assert separation(build_attack("trend-steal"), pitfall()) < 0.5


@pytest.mark.parametrize("name", ["trend-mia", "trend-steal", "group"])
def test_same_seed_same_scores_whatever_else_is_drawn_and_in_whatever_order_pairs_come(name, worlds, briefly):
    given, _ = worlds["answers"]
    attack = build_attack(name)
    first, state = attack.score(given, 7), torch.get_rng_state()
    torch.rand(3)
    order = np.random.default_rng(0).permutation(len(given.pairs))
    turned = replace(given, pairs=given.pairs[order][:, ::-1])
    np.testing.assert_array_equal(attack.score(given, 7), first)
    np.testing.assert_allclose(attack.score(turned, 7), first[order], atol=1e-5)
    torch.set_rng_state(state)
    attack.score(given, 8)
    assert torch.equal(torch.get_rng_state(), state), "what the caller draws from torch changed"


def poor_world(nodes, classes, features, edges, generator):
    def pairs(count):
        return np.stack([np.arange(count) % nodes, np.arange(1, count + 1) % nodes], axis=1)

    def seen():
        rows = np.zeros((nodes, features), np.float32)
        return Observation(rows, generator.dirichlet(np.ones(classes), nodes), edges, np.full((nodes, classes), 0.1))

    shadow = Shadow(seen(), pairs(2), pairs(3), pairs(4), np.full(nodes, -1), pairs(2))
    return Transcript(seen(), pairs(5), shadow)


@pytest.mark.parametrize(
    ("nodes", "classes", "features", "edges"), [(8, 1, 3, []), (6, 2, 0, [[0, 1]]), (7, 3, 1, [[0, 1], [1, 2]])]
)
def test_poor_worlds_have_finite_scores(nodes, classes, features, edges, briefly):
    known = np.array(edges, np.int64).reshape(-1, 2)
    given = poor_world(nodes, classes, features, known, np.random.default_rng(0))
    for attack in build_attacks([ALL]).values():
        scores = attack.score(given, 0)
        assert scores.shape == (len(given.pairs),)
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", ["posterior-cosine", "neighbours", "group", "trend-mia", "trend-steal"])
def test_no_pairs_no_scores(name, worlds, briefly):
    given, _ = worlds["nothing"]
    assert build_attack(name).score(replace(given, pairs=given.pairs[:0]), 0).shape == (0,)


def test_victim_and_shadow_may_have_other_classes(worlds, briefly):
    given, _ = worlds["answers"]
    fewer = replace(given.seen, posteriors=given.seen.posteriors[:, : CLASSES - 1])
    assert np.isfinite(build_attack("trend-mia").score(replace(given, seen=fewer), 0)).all()


@pytest.mark.parametrize(
    ("scores", "truth", "low", "high"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.2, 0.8),
        ([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1], 0.1, 0.9),
        ([0.3, 0.4], [0, 0], 0.4, np.inf),
        ([0.3, 0.4], [1, 1], -np.inf, 0.3),
        ([], [], 0.99, np.inf),
    ],
)
def test_the_threshold_is_right_most_often(scores, truth, low, high):
    assert low <= best_threshold(np.array(scores, float), np.array(truth, bool)) <= high


def test_without_answers_from_before_a_difference_says_so(worlds):
    given, _ = worlds["answers"]
    bare = replace(given, seen=replace(given.seen, before=None))
    with pytest.raises(InputError, match="difference-shift needs what the model answered before"):
        build_attack("difference-shift").score(bare, 0)


def test_a_shadow_without_edges_teaches_nothing(worlds):
    given, _ = worlds["answers"]
    bare = replace(given, shadow=replace(given.shadow, retained=given.shadow.retained[:0]))
    with pytest.raises(InputError, match="0 edges and 60 pairs without one"):
        build_attack("stealing").score(bare, 0)


def test_attacks_by_name():
    assert list(build_attacks(["trend-mia", "group", "trend-mia"])) == ["trend-mia", "group"]
    assert list(build_attacks([ALL])) == list(ATTACKS)
    own = build_attack("features")
    assert build_attacks([own]) == {"features": own}
    for name, attack in build_attacks([ALL]).items():
        assert attack.name == name
        assert attack.describe
        assert (attack.kind == "null") == (name in NULLS)
    with pytest.raises(InputError, match=r"'trends' is not supported; supported: posterior-euclidean, .*all"):
        build_attacks(["trends"])


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'oubli\[attacks\]'"):
        build_attack("stealing")
    assert build_attack("posterior-cosine").kind == "attack"


def test_a_change_of_sure_answers_counts_by_logits():
    sure = np.array([[1 - 1e-6, 1e-6]] * 4 + [[0.6, 0.4]] * 4)
    after = sure.copy()
    after[:2] = [1 - 1e-4, 1e-4]
    after[4:6] = [0.62, 0.38]
    known = np.empty((0, 2), np.int64)
    seen = Observation(np.zeros((8, 1), np.float32), after, known, sure)
    pairs = np.array([[0, 1], [4, 5], [0, 2]])
    given = Transcript(seen, pairs, Shadow(seen, pairs, pairs, pairs, np.full(8, -1), pairs))
    for name in ("difference-shift", "difference-confidence"):
        scores = build_attack(name).score(given, 0)
        assert scores[0] > scores[1] > scores[2] == 0
