import dataclasses

import numpy as np
import pytest
from scipy.stats import norm
from tests.audit.membership.transcripts import gaussian_problem

from oubli.audit.curves import area_under_curve
from oubli.audit.membership.calibrated import CalibratedLoss
from oubli.audit.membership.lira import LikelihoodRatio, OfflineLikelihoodRatio
from oubli.audit.membership.thresholds import Loss

ATTACKS = (LikelihoodRatio(), OfflineLikelihoodRatio(), CalibratedLoss(), Loss())


def areas(transcript, truth):
    return [area_under_curve(attack.score(transcript, 0), truth) for attack in ATTACKS]


def test_on_gaussian_logits_the_ratio_comes_near_the_best_there_is():
    # Two unit Gaussians 1.5 apart: the likelihood ratio is the best test (Neyman and Pearson), and its AUC is known.
    best = norm.cdf(1.5 / np.sqrt(2))
    lira, offline, calibrated, loss = areas(*gaussian_problem(8000, 128, 1.5, seed=3))
    assert lira == pytest.approx(best, abs=0.015)
    assert offline == pytest.approx(best, abs=0.015)
    # What knows no difficulty, or subtracts it in the scale of losses, does worse.
    assert loss < calibrated < lira - 0.04


def test_with_few_models_it_loses_little():
    lira, offline, _, _ = areas(*gaussian_problem(8000, 16, 1.5, seed=4))
    assert min(lira, offline) > norm.cdf(1.5 / np.sqrt(2)) - 0.04


def test_with_many_models_it_uses_that_candidates_differ_in_spread():
    spread = np.exp(np.random.default_rng(1).normal(0, 1, 6000))
    transcript, truth = gaussian_problem(6000, 128, 1.5, 5, spread)
    own, offline, _, _ = areas(transcript, truth)
    models = transcript.shadows
    fewer = dataclasses.replace(models, posteriors=models.posteriors[:32], members=models.members[:32])
    pooled, _, _, _ = areas(dataclasses.replace(transcript, shadows=fewer), truth)
    assert own > pooled + 0.05
    assert own > offline


def test_without_a_shift_there_is_nothing_to_find():
    transcript, truth = gaussian_problem(8000, 16, 0.0, seed=6)
    assert areas(transcript, truth) == pytest.approx([0.5] * 4, abs=0.025)


def test_a_swap_of_models_with_and_without_the_label_is_seen():
    transcript, truth = gaussian_problem(2000, 32, 1.5, seed=7)
    swapped = dataclasses.replace(transcript.shadows, members=~transcript.shadows.members)
    assert areas(dataclasses.replace(transcript, shadows=swapped), truth)[0] < 0.3


def test_models_that_all_answer_the_same_leave_finite_scores():
    transcript, _ = gaussian_problem(50, 4, 1.0, seed=8)
    same = np.broadcast_to(transcript.shadows.posteriors[0], transcript.shadows.posteriors.shape)
    constant = dataclasses.replace(transcript, shadows=dataclasses.replace(transcript.shadows, posteriors=same))
    for attack in ATTACKS:
        assert np.isfinite(attack.score(constant, 0)).all()
