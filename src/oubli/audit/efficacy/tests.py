"""The tests by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from oubli.audit.efficacy.adversarial import AdversarialEdges
from oubli.audit.efficacy.halves import Halves
from oubli.audit.efficacy.replay import Replay
from oubli.audit.efficacy.scenario import EfficacyTest
from oubli.errors import InputError

SEQUENCE = 5

TESTS: dict[str, Callable[[], EfficacyTest]] = {
    "adversarial-edges": AdversarialEdges,
    "replay": Replay,
    "replay-nodes": partial(Replay, "nodes"),
    "half-removed": Halves,
    "half-removed-sequence": partial(Halves, requests=SEQUENCE),
    "half-nodes": partial(Halves, "nodes"),
    "half-features": partial(Halves, "features"),
}


def build_tests(names: Sequence[str]) -> list[EfficacyTest]:
    """Return tests by name, each once, in the order given; ``all`` stands for all of them.

    Raises
    ------
    InputError
        When there is none of that name, or no name.
    """
    wanted = dict.fromkeys(name for given in names for name in (TESTS if given == "all" else [given]))
    unknown = [name for name in wanted if name not in TESTS]
    if unknown or not wanted:
        said = f"{unknown[0]!r} is not supported" if unknown else "name at least one"
        raise InputError(f"tests: {said}; supported: {', '.join(TESTS)}, all")
    return [TESTS[name]() for name in wanted]
