import math

import numpy as np
import pytest

from oubli.audit.membership.confidence import logits, losses, modified_entropies

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.05, 0.9, 0.05], [0.25, 0.25, 0.5]])
CLASSES = np.array([0, 2, 1])


def test_each_scale_is_that_of_its_definition():
    for row, true, loss, logit, entropy in zip(
        ANSWERS,
        CLASSES,
        losses(ANSWERS, CLASSES),
        logits(ANSWERS, CLASSES),
        modified_entropies(ANSWERS, CLASSES),
        strict=True,
    ):
        assert loss == pytest.approx(-math.log(row[true]))
        assert logit == pytest.approx(math.log(row[true] / (1 - row[true])))
        others = sum(row[i] * math.log(1 - row[i]) for i in range(3) if i != true)
        assert entropy == pytest.approx(-(1 - row[true]) * math.log(row[true]) - others)


def test_several_models_at_once_are_as_each_alone():
    both = np.stack([ANSWERS, ANSWERS[::-1]])
    for scale in (losses, logits, modified_entropies):
        np.testing.assert_array_equal(scale(both, CLASSES)[1], scale(ANSWERS[::-1], CLASSES))


def test_confidence_close_to_one_keeps_its_order_and_certain_answers_are_finite():
    near = np.array([[1 - 1e-20, 1e-20], [1 - 1e-30, 1e-30], [1.0, 0.0], [0.0, 1.0]])
    classes = np.zeros(4, np.int64)
    assert logits(near, classes)[0] < logits(near, classes)[1] < logits(near, classes)[2]
    for scale in (losses, logits, modified_entropies):
        assert np.isfinite(scale(near, classes)).all()
    assert modified_entropies(near, classes)[2] == 0 < modified_entropies(near, classes)[3]


def test_what_is_given_is_not_changed():
    given = ANSWERS.copy()
    for scale in (losses, logits, modified_entropies):
        scale(given, CLASSES)
    np.testing.assert_array_equal(given, ANSWERS)
