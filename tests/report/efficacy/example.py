"""Results as an audit of efficacy writes them, small enough to read."""

import copy

from tests.report.forgetting.example import results as forgetting

SEEDS = 7
FIGURES = {  # clean, before, after, retrained, and recalls
    "exact": (0.86, 0.62, 0.86, 0.86, 0.9, 0.0, 0.0),
    "certified": (0.84, 0.6, 0.84, 0.835, 0.95, 0.01, 0.01),
    "gif": (0.87, 0.6, 0.8, 0.87, 0.97, 0.4, 0.01),
    "stale": (0.87, 0.6, 0.7, 0.87, 0.97, 0.9, 0.01),
}
TESTS = {"adversarial-edges": False, "replay": True}


def _line(method, test, metric, value, spread=0.01):
    return {
        "method": method,
        "test": test,
        "metric": metric,
        "value": value,
        "low": None if spread is None else value - spread,
        "high": None if spread is None else value + spread,
        "seeds": SEEDS,
    }


def _summary():
    lines = []
    for test, recalled in TESTS.items():
        for method, figures in FIGURES.items():
            clean, before, after, retrained, *recall = figures
            values = {"clean": clean, "before": before, "after": after, "retrained": retrained}
            lines += [_line(method, test, f"accuracy_{when}", value) for when, value in values.items()]
            spread = 0.0 if method == "exact" else 0.02
            lines.append(_line(method, test, "accuracy_gap", after - retrained, spread))
            if recalled:
                values = dict(zip(("before", "after", "retrained"), recall, strict=True))
                lines += [_line(method, test, f"recall_{when}", value) for when, value in values.items()]
                lines.append(_line(method, test, "recall_gap", recall[1] - recall[2], spread))
            lines.append(_line(method, test, "agreement", 1.0 if method == "exact" else 0.97))
            lines.append(_line(method, test, "bytes_equal", float(method == "exact"), 0.0))
            timed = {"seconds_unlearn": 0.002, "seconds_retrain": 0.8, "speedup": 400.0}
            lines += [_line(method, test, metric, value, None) for metric, value in timed.items()]
    return lines


def results(**changed):
    """Return a copy that a test may change."""
    methods = [line for line in forgetting()["methods"] if line["name"] in FIGURES]
    ceu = methods[-1] | {"name": "ceu"}
    outcomes = [
        {"method": name, "test": test, "status": "done", "seeds": SEEDS, "failed": 0, "reason": ""}
        for name in FIGURES
        for test in TESTS
    ]
    refused = {"method": "ceu", "status": "not supported", "seeds": SEEDS, "failed": 0, "reason": "edges only"}
    made = {
        "format": "oubli.audit.efficacy/1",
        "settings": {"data": "cora", "seeds": SEEDS, "first_seed": 0},
        "threat_model": "Nobody attacks.",
        "methods": [*methods, ceu],
        "tests": [{"name": name, "describe": f"what {name} does", "measures": "accuracy"} for name in TESTS],
        "summary": _summary(),
        "outcomes": [*outcomes, *(refused | {"test": test} for test in TESTS)],
        "rows": [],
        "versions": {"oubli": "0.1.0"},
        "seconds": 12.3,
    }
    return copy.deepcopy(made) | changed
