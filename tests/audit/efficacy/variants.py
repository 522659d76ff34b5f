"""Methods that do not do what they say: an audit has to find them out."""

import numpy as np

from oubli.errors import InputError
from oubli.models import SGCRidge


class KeepsWeights(SGCRidge):
    """Shrinks its graph, and keeps the weights that it learned from all of it."""

    def unlearn(self, removal, **settings):
        weights = self._weights.copy()
        receipt = super().unlearn(removal, **settings)
        self._weights = weights
        return receipt


class ForgetsHalf(SGCRidge):
    """Honours every other entry of a request for labels."""

    def unlearn(self, removal, **settings):
        return super().unlearn(type(removal)(labels=removal.labels[::2]), **settings)


class Diverges(SGCRidge):
    """Raises at every removal of labels."""

    def unlearn(self, removal, **settings):
        if removal.labels:
            raise InputError("the series diverges")
        return super().unlearn(removal, **settings)


class AnswersNothing(SGCRidge):
    """Answers with numbers that are none after a removal."""

    def unlearn(self, removal, **settings):
        receipt = super().unlearn(removal, **settings)
        self._weights = np.full_like(self._weights, np.nan)
        return receipt
