"""From records to what is published: each figure with its interval, beside that of retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from oubli.audit.intervals import CONFIDENCE, FEWEST_PAIRS, studentised_interval
from oubli.audit.journal import Record

POWER = 0.8
GRID = np.linspace(0, 1, 101)
"""False positive rates at which curves are kept."""
ROUNDING = 1e-12
"""Gains that differ by less are the same: differences of equal steps of a rate differ in the last bits."""
FLOOR = "floor_"
"""Prefix, in rows, of the same figure where the model was retrained."""


def summarise(records: Sequence[Record], metrics: Sequence[str], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a line for each method, attack and metric: means over seeds, and what is above the floor.

    Parameters
    ----------
    records : sequence of dict
        With ``method``, ``seed`` and ``rows``; each row has ``attack``, and for each metric a value and ``floor_`` of
        it, on the same draw of everything. None is what the attack does not score.
    metrics : sequence of str
    kinds : mapping of str to str
        "attack" or "null", by attack; in this order.

    Returns
    -------
    list of dict
        ``value``, ``floor`` and their difference ``gain``, each with ``_low`` and ``_high`` of 95 %; ``above_floor``
        and ``below_floor``, whether the interval of the gain lies on that side of zero and ``p`` is at most 5 % (of at
        least six seeds): an attacker who knows of a gain below zero turns its guesses round; ``detectable``, the gain
        that so many seeds would have found with a chance of 80 %; ``p``, of a paired t test, and ``p_adjusted`` for all
        attacks on that method by that metric (Holm 1979), None of nulls; ``seeds``.

    Notes
    -----
    Bootstrap intervals of a mean are too short over few seeds: of ten normal ones they hold it in about 88 of 100 runs.
    So that flags are raised by chance in no more than 5, they take the t test as well.
    """
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        for row in record["rows"]:
            found.setdefault((record["method"], row["attack"]), []).append(row)
    lines = []
    for method in dict.fromkeys(record["method"] for record in records):
        for attack, kind in kinds.items():
            rows = found.get((method, attack), [])
            for metric in metrics:
                pairs = [(row[metric], row[FLOOR + metric]) for row in rows if row.get(metric) is not None]
                if pairs:
                    names = {"method": method, "attack": attack, "kind": kind, "metric": metric}
                    lines.append(names | _line(*np.array(pairs, np.float64).T))
    _adjust(lines)
    return lines


def detectable(differences: NDArray[np.float64]) -> float | None:
    """Return the mean difference that a paired t test on so many would find with a chance of `POWER`; None of one."""
    size = differences.size
    if size < 2:
        return None
    quantiles = stats.t.ppf(1 - (1 - CONFIDENCE) / 2, size - 1) + stats.t.ppf(POWER, size - 1)
    return float(quantiles * differences.std(ddof=1) / np.sqrt(size))


def mean_curves(records: Sequence[Record], groups: Sequence[str], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the mean curve of each method, attack and group over seeds, with that of retraining and its band.

    Parameters
    ----------
    records : sequence of dict
        With rows that have ``curves`` and ``floor_curves``: true positive rates on `GRID` by group.
    groups : sequence of str
    kinds : mapping of str to str
    """
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        for row in record["rows"]:
            found.setdefault((record["method"], row["attack"]), []).append(row)
    curves = []
    for (method, attack), rows in found.items():
        for group in groups:
            own = np.array([row["curves"][group] for row in rows if group in row["curves"]])
            if not own.size:
                continue
            floor = np.array([row[FLOOR + "curves"][group] for row in rows if group in row["curves"]])
            names = {"method": method, "attack": attack, "kind": kinds[attack], "group": group}
            curves.append(names | _band(own, "") | _band(floor, FLOOR))
    return curves


def plain_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the rows of all records without curves, with method and seed."""
    hidden = ("curves", FLOOR + "curves")
    return [
        {"method": record["method"], "seed": record["seed"]} | {k: v for k, v in row.items() if k not in hidden}
        for record in records
        for row in record["rows"]
    ]


def _line(values: NDArray[np.float64], floors: NDArray[np.float64]) -> dict[str, Any]:
    gains = values - floors
    line: dict[str, Any] = {"seeds": values.size}
    for name, data in (("value", values), ("floor", floors), ("gain", gains)):
        found = studentised_interval(data)
        prefix = "" if name == "value" else f"{name}_"
        line |= {name: found.value, f"{prefix}low": found.low, f"{prefix}high": found.high}
    low, high, chance = line["gain_low"], line["gain_high"], _chance(gains)
    apart = values.size >= FEWEST_PAIRS and chance is not None and chance <= 1 - CONFIDENCE
    line["above_floor"] = bool(apart and low is not None and low > 0)
    line["below_floor"] = bool(apart and high is not None and high < 0)
    return line | {"detectable": detectable(gains), "p": chance}


def _chance(gains: NDArray[np.float64]) -> float | None:
    """Return the p value of a paired t test, None of a single pair; of gains that are all the same, of a sign test."""
    if gains.size < 2:
        return None
    if np.ptp(gains) <= ROUNDING:
        return 1.0 if abs(gains[0]) <= ROUNDING else 2.0 ** (1 - gains.size)
    return float(stats.ttest_1samp(gains, 0.0).pvalue)


def _adjust(lines: Sequence[dict[str, Any]]) -> None:
    """Adjust p values of the attacks on a method, metric by metric (Holm 1979)."""
    for line in lines:
        line["p_adjusted"] = None
    for place in dict.fromkeys((line["method"], line["metric"]) for line in lines):
        tried = [line for line in lines if (line["method"], line["metric"]) == place and line["kind"] == "attack"]
        ordered = sorted((line for line in tried if line["p"] is not None), key=lambda line: float(line["p"]))
        largest = 0.0
        for rank, line in enumerate(ordered):
            largest = max(largest, min(1.0, (len(ordered) - rank) * line["p"]))
            line["p_adjusted"] = largest


def _band(curves: NDArray[np.float64], prefix: str) -> dict[str, Any]:
    """Return the mean of curves, and a band of 95 % for the mean where there are several."""
    mean, count = curves.mean(axis=0), len(curves)
    half = np.zeros_like(mean)
    if count > 1:
        half = stats.t.ppf(1 - (1 - CONFIDENCE) / 2, count - 1) * curves.std(axis=0, ddof=1) / np.sqrt(count)
    shown = {"rate": mean, "low": np.clip(mean - half, 0, 1), "high": np.clip(mean + half, 0, 1)}
    return {prefix + name: np.round(values, 4).tolist() for name, values in shown.items()}
