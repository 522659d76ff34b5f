"""From the options of ``oubli fit`` to an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oubli.cli.options import MODELS, OPTIONS
from oubli.cli.wording import listing
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.models import NodeClassifier


def build_estimator(name: str, options: Mapping[str, Any]) -> NodeClassifier:
    """Return the unfitted estimator that a name and options describe.

    Raises
    ------
    InputError
        When the model does not have an option, or options contradict each other.
    """
    given = _given(name, options)
    smooth = given.pop("smooth", False)
    shares: dict[str, Any] = {key: given.pop(key) for key in ("correction", "smoothing") if key in given}
    if shares and not smooth:
        raise InputError(f"--{next(iter(shares))} says how to smooth; add --smooth")
    if "threshold" in given and given.get("router") != "homophily":
        raise InputError("--threshold is what --router homophily compares with; add that, or leave it out")
    if given.pop("no_neighbour_labels", False):
        given["neighbour_labels"] = False
    from oubli.models import CertifiedClassifier, CorrectAndSmooth, LCFNet, RandomFeatureNet, RoutedClassifier, SGCRidge

    kinds: tuple[type[NodeClassifier], ...] = (
        SGCRidge,
        LCFNet,
        RandomFeatureNet,
        RoutedClassifier,
        CertifiedClassifier,
    )
    base = dict(zip(MODELS, kinds, strict=True))[name](**given)
    if not smooth:
        return base
    if "scoring" in given:
        shares["scoring"] = given["scoring"]
    return CorrectAndSmooth(base, **shares)


def _given(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values given, of options that the model has; what is not given is left to the estimator."""
    given = {}
    for option in OPTIONS:
        value = options[option.parameter]
        if value is None or (option.kind is None and not value):
            continue
        if model not in option.models:
            raise InputError(
                f"{option.name} is no option of --model {model}, but of {listing(option.models)}; leave it out, or "
                f"choose --model {' or '.join(option.models)}"
            )
        given[option.parameter] = None if value == "none" else value
    return given
