"""Results as audits of models that forgot write them, from drawn scores: exact, certified and approximate methods."""

import copy
import json

import numpy as np

from oubli.audit.curves import area_under_curve, rate_at, receiver_curve
from oubli.audit.forgetting.methods import parse_method
from oubli.audit.forgetting.summary import FLOOR, GRID, mean_curves, summarise

SEEDS = 7
ATTACKS = [
    {"name": "posterior-cosine", "describe": "answers alike", "kind": "attack", "source": "He 2021"},
    {"name": "trend-mia", "describe": "trends of confidence", "kind": "attack", "source": "Zhang 2025"},
    {"name": "difference-shift", "describe": "answers that moved", "kind": "attack", "source": ""},
    {"name": "features", "describe": "features alike", "kind": "null", "source": ""},
]
for _attack in ATTACKS:
    _attack["needs_before"] = _attack["name"].startswith("difference")
KINDS = {attack["name"]: attack["kind"] for attack in ATTACKS}
LEFT = {"exact": 0.0, "certified": 0.0, "gif": 0.12, "stale": 0.9, "ascent": 0.0}
"""How far scores of what was removed lie above those of what never was, beyond the floor."""
GROUPS = {
    "inversion": {"removed": 1.7, "matched": 0.0, "retained": 1.9, "all": 1.8},
    "membership": {"matched": 0.0, "retained": 0.6},
}
METRICS = {
    "inversion": ("auc_matched", "auc_removed", "auc_retained", "auc_all", "tpr_matched"),
    "membership": ("auc_matched", "tpr_matched", "auc_retained", "tpr_retained"),
}


def _judged(kind, rng, shift, noise):
    row, curves = {}, {}
    for group, apart in GROUPS[kind].items():
        moved = shift if group in ("removed", "matched") else 0.0
        scores = np.concatenate([noise[group][0] + apart + moved, noise[group][1]])
        truth = np.arange(scores.size) < noise[group][0].size
        row[f"auc_{group}"] = area_under_curve(scores, truth)
        if f"tpr_{group}" in METRICS[kind]:
            row[f"tpr_{group}"] = rate_at(scores, truth, 0.01)
        if group in ("removed", "matched") or kind == "membership":
            curves[group] = receiver_curve(scores, truth, GRID).round(4).tolist()
    return row | {"curves": curves}


def _records(kind, methods):
    records = []
    for method in methods:
        for seed in range(SEEDS):
            rows = []
            for place, (attack, role) in enumerate(KINDS.items()):
                rng = np.random.default_rng((seed, place))
                noise = {group: (rng.normal(size=60), rng.normal(size=200)) for group in GROUPS[kind]}
                floor = _judged(kind, rng, 0.8 * attack.startswith("difference"), noise)
                shift = LEFT[method] * (role == "attack") * (1 + attack.startswith("trend"))
                if shift or (method == "ascent" and role == "attack"):
                    other = np.random.default_rng((seed, place, 12))
                    noise = {g: (a + 0.1 * other.normal(size=a.size), b) for g, (a, b) in noise.items()}
                own = _judged(kind, rng, shift + 0.8 * attack.startswith("difference"), noise)
                rows.append({"attack": attack, **own, **{FLOOR + name: value for name, value in floor.items()}})
            records.append({"method": method, "seed": seed, "rows": rows})
    return records


def _method(name):
    method = parse_method(name)
    parts = ("name", "describe", "model", "claim", "epsilon", "delta", "bound")
    accuracy = {"value": 0.861, "low": 0.85, "high": 0.872}
    return {part: getattr(method, part) for part in parts} | {
        "seeds": SEEDS,
        "bytes_equal": SEEDS if name == "exact" else 0,
        "accuracy": accuracy,
        "accuracy_retrained": accuracy,
        "accuracy_before": accuracy | {"value": 0.866},
        "seconds_unlearn": 0.0021,
        "seconds_retrain": 0.81,
        "note": "",
    }


def control(method, advantage, low, high, **more):
    return {
        "method": method,
        "distinguisher": "posterior at the ends",
        "draws": 40,
        "advantage": advantage,
        "advantage_low": low,
        "advantage_high": high,
        "bound": None,
        "within": None,
        "epsilon_claimed": None,
        "delta": None,
        "epsilon_low": None,
        "bytes_equal": None,
        "note": "",
    } | more


CERTIFIED = {"bound": 0.462, "within": True, "epsilon_claimed": 1.0, "delta": 1e-4, "epsilon_low": 0.0}
CONTROL = [
    control(
        "exact",
        0.0,
        0.0,
        0.0,
        bound=0.0,
        within=True,
        bytes_equal=True,
        distinguisher="bytes",
        draws=1,
        epsilon_claimed=0.0,
    ),
    control("certified", 0.1, -0.21, 0.38, **CERTIFIED),
    control("gif", 0.25, -0.05, 0.5, epsilon_low=0.0),
    control("stale", 1.0, 0.83, 1.0, epsilon_low=1.79),
    control("ascent", 0.05, -0.2, 0.3),
]


def _made(kind):
    records = _records(kind, LEFT)
    return {
        "format": f"oubli.audit.{kind}/1",
        "settings": {"data": "cora", "seeds": SEEDS, "first_seed": 0, "ratio": 0.05, "draws": 40},
        "threat_model": "An attacker asks the model.\nIt has a graph of its own.",
        "methods": [_method(name) for name in LEFT],
        "attacks": ATTACKS,
        "metrics": [{"name": n, "title": f"Title of {n}", "describe": f"What {n} is."} for n in METRICS[kind]],
        "summary": summarise(records, METRICS[kind], KINDS),
        "curves": mean_curves(records, list(GROUPS[kind]), KINDS),
        "control": CONTROL,
        "unsupported": [{"method": "ceu", "note": "ceu removes edges only, not labels"}],
        "rows": [],
        "versions": {"oubli": "0.1.0"},
        "seconds": 93.4,
    }


_MADE = {}


def results(kind="inversion", **changed):
    """Return a copy that a test may change."""
    if kind not in _MADE:
        _MADE[kind] = json.loads(json.dumps(_made(kind)))
    return copy.deepcopy(_MADE[kind]) | changed
