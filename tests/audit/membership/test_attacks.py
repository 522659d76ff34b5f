import dataclasses

import numpy as np
import pytest
from tests.audit.membership.transcripts import gaussian_problem

from oubli.audit.membership.attacks import ATTACKS, NULLS, build_attacks
from oubli.audit.membership.judgement import judge
from oubli.audit.membership.transcript import Secret
from oubli.errors import InputError


def test_all_names_and_what_needs_answers_from_before():
    assert list(build_attacks(["all"])) == [*ATTACKS, *NULLS]
    assert list(build_attacks(["loss", "lira", "loss"])) == ["loss", "lira", *NULLS]
    for name, attack in build_attacks(["all"]).items():
        assert attack.name == name
        assert attack.describe
        assert (attack.kind == "null") == (name in NULLS)
        assert attack.needs_before == (name == "difference-loss")


@pytest.mark.parametrize(("given", "said"), [(["lyra"], "'lyra' is not supported; supported: lira,"), ([], "at least")])
def test_unknown_attacks_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        build_attacks(given)


@pytest.mark.parametrize("name", [*ATTACKS, *NULLS])
def test_scores_are_finite_repeatable_and_of_nulls_independent_of_the_answers(name):
    transcript, _ = gaussian_problem(60, 4, 1.0, seed=1)
    attack = build_attacks(["all"])[name]
    score = attack.score(transcript, 0)
    assert score.shape == (60,)
    assert np.isfinite(score).all()
    np.testing.assert_array_equal(score, attack.score(transcript, 0))
    other = dataclasses.replace(transcript, posteriors=transcript.posteriors[::-1].copy())
    assert np.array_equal(score, attack.score(other, 0)) == (name in NULLS)


def test_only_candidates_are_scored_and_by_their_own_rows():
    transcript, _ = gaussian_problem(60, 4, 1.0, seed=2)
    padded = np.concatenate([np.full((5, 2), 0.5), transcript.posteriors])
    moved = dataclasses.replace(
        transcript, posteriors=padded, before=padded, candidates=transcript.candidates + 5, edges=transcript.edges + 5
    )
    for attack in build_attacks(["all"]).values():
        np.testing.assert_array_equal(attack.score(transcript, 0), attack.score(moved, 0))


def test_the_difference_needs_answers_from_before():
    transcript, _ = gaussian_problem(10, 4, 1.0, seed=1)
    with pytest.raises(InputError, match="difference-loss: the transcript has no answers from before"):
        ATTACKS["difference-loss"]().score(dataclasses.replace(transcript, before=None), 0)


def test_the_degree_is_that_of_the_edges():
    transcript, _ = gaussian_problem(4, 4, 1.0, seed=1)
    assert NULLS["degree"]().score(transcript, 0).tolist() == [1, 2, 1, 0]


def test_figures_are_of_each_group_against_never():
    kinds = np.repeat(["unlearned", "retained", "never"], [1, 2, 4])
    secret = Secret({name: kinds == name for name in ("unlearned", "retained", "never")})
    row = judge("mine", np.array([2.5, 9.0, 9.0, 1.0, 2.0, 3.0, 4.0]), secret)
    assert (row["auc_matched"], row["tpr_matched"]) == (0.5, 0.0)
    assert (row["auc_retained"], row["tpr_retained"]) == (1.0, 1.0)
    assert set(row["curves"]) == {"matched", "retained"}
    with pytest.raises(InputError, match="attack mine: expected 7 finite scores"):
        judge("mine", np.full(7, np.nan), secret)
