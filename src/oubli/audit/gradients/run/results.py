"""From rows to what is published: figures with intervals, the best null beside each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.scoring import METRICS
from oubli.audit.gradients.scoring.gains import estimate, gain_over_nulls
from oubli.audit.journal import Record

FORMAT = "oubli.audit.gradients/1"
NOTHING = "nothing"
"""The null that guesses no edge, no feature and no class: what an attack that gave up is scored as."""


def summarise(
    records: Sequence[Record], defences: Sequence[str], attacks: Mapping[str, str], seed: int
) -> list[Record]:
    """Return a line for each defence, attack and metric.

    Where an attack gave up on a victim, what it did not guess is scored as a guess that says nothing: leaving such
    victims out would flatter it; and saying nothing is among the nulls that others guess, so it is never a gain. A
    metric that an attack guesses for no victim under no defence has no line.

    Parameters
    ----------
    records : sequence of dict
        With ``row`` and ``blank``, in the order of defences, attacks and victims.
    defences : sequence of str
    attacks : mapping of str to str
        Kind by name.
    seed : int
        Of bootstrap intervals.
    """
    by_pair: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_pair.setdefault((record["defence"], record["attack"]), []).append(record)
    guessed = {
        name: [metric for metric in METRICS if any(_guesses(record, metric, name) for record in records)]
        for name in attacks
    }
    lines = []
    for defence in defences:
        present = {name: by_pair[defence, name] for name in attacks if (defence, name) in by_pair}
        for metric in METRICS:
            values = {name: _values(found, metric) for name, found in present.items() if metric in guessed[name]}
            nulls = {name: found for name, found in values.items() if attacks[name] == "null" and found.size}
            if nulls and metric != "seconds":
                nulls[NOTHING] = _blanks(next(iter(present.values())), metric)
            for name, found in values.items():
                if found.size:
                    compared = {} if attacks[name] == "null" else nulls
                    names = {"defence": defence, "attack": name, "kind": attacks[name], "metric": metric}
                    lines.append(names | _line(found, compared, metric, seed))
    order = {name: i for i, name in enumerate(attacks)}
    places = {name: i for i, name in enumerate(defences)}
    return sorted(lines, key=lambda line: (places[line["defence"]], order[line["attack"]]))


def _guesses(record: Record, metric: str, attack: str) -> bool:
    return bool(record["attack"] == attack and record["row"][metric] is not None)


def _values(records: Sequence[Record], metric: str) -> NDArray[np.float64]:
    """Return a value a victim; victims whose truth has nothing to tell are left out, for every attack the same."""
    if metric == "seconds":
        return np.array([record["row"]["seconds"] for record in records])
    filled = [
        record["blank"][metric] if record["row"][metric] is None else record["row"][metric]
        for record in records
        if record["blank"][metric] is not None
    ]
    return np.array(filled, dtype=np.float64)


def _blanks(records: Sequence[Record], metric: str) -> NDArray[np.float64]:
    found = [record["blank"][metric] for record in records]
    return np.array([value for value in found if value is not None], dtype=np.float64)


def _line(
    values: NDArray[np.float64], nulls: Mapping[str, NDArray[np.float64]], metric: str, seed: int
) -> dict[str, Any]:
    found, gain = estimate(values.tolist(), METRICS[metric], seed), gain_over_nulls(values, nulls, metric, seed)
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "median": float(np.median(values)) if METRICS[metric].kind == "mean" else None,
        "victims": len(values),
        "null": gain.null if gain else None,
        "null_value": gain.null_value if gain else None,
        "gain": gain.estimate.value if gain else None,
        "gain_low": gain.estimate.low if gain else None,
        "gain_high": gain.estimate.high if gain else None,
        "beyond_null": gain.beyond_null if gain else None,
    }


def examples_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return, by victim, the truth and the guesses of those records that keep them."""
    found: dict[int, dict[str, Any]] = {}
    for record in records:
        if "guess" in record:
            victim = record["row"]["victim"]
            example = found.setdefault(victim, {"victim": victim, **record["truth"], "guesses": []})
            example["guesses"].append(record["guess"])
    return list(found.values())


def unsupported_lines(
    records: Sequence[Record], defences: Sequence[str], kinds: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return a line, with the reason, for each defence under which an attack does not work at all."""
    told = {(r["defence"], r["attack"]): r["unsupported"] for r in records if "unsupported" in r}
    return [
        {"defence": defence, "attack": name, "kind": kind, "metric": "not supported", "note": told[defence, name]}
        for defence in defences
        for name, kind in kinds.items()
        if (defence, name) in told
    ]
