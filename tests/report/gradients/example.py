"""Results as an audit writes them, small enough to read."""

import copy

VICTIM = {
    "victim": 17,
    "label": 1,
    # Toluene with a nitro group, near enough.
    "node_types": [0, 0, 0, 0, 0, 0, 0, 1, 2, 2],
    "edges": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 5], [5, 6], [2, 7], [7, 8], [7, 9]],
}

TURNED = {  # the same graph, numbered backwards
    "label": 1,
    "node_types": VICTIM["node_types"][::-1],
    "edges": [[9 - u, 9 - v] for u, v in VICTIM["edges"]],
}

WRONG = {  # one edge elsewhere, one type wrong
    "label": 0,
    "node_types": [0, 0, 0, 0, 0, 0, 0, 1, 2, 0],
    "edges": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 5], [4, 6], [2, 7], [7, 8], [7, 9]],
}


def score(defence, attack, metric, value, low=None, high=None, *, kind="attack", null="prior", null_value=None, **more):
    gain = None if value is None or null_value is None else value - null_value
    return {
        "defence": defence,
        "attack": attack,
        "kind": kind,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "victims": 50,
        "null": null,
        "null_value": null_value,
        "gain": gain,
        "gain_low": None,
        "gain_high": None,
        "beyond_null": None,
    } | more


def defence(name, describe, epsilon=None, accuracy=None):
    spread = (None, None) if accuracy is None else (accuracy - 0.06, accuracy + 0.05)
    return {
        "name": name,
        "describe": describe,
        "epsilon": epsilon,
        "delta": None if epsilon is None else 1e-5,
        "accuracy": accuracy,
        "accuracy_low": spread[0],
        "accuracy_high": spread[1],
        "note": "",
    }


LEAK = {"beyond_null": True}
NO_LEAK = {"beyond_null": False}
NULL = {"kind": "null", "null": None}
RANDOM = {"null": "random", "null_value": 0.91}
MEAN = {"null": "mean-feature", "null_value": 0.062}

SUMMARY = [
    score("none", "lifting", "isomorphic", 0.92, 0.81, 0.97, null_value=0.0, gain_low=0.8, gain_high=0.97, **LEAK),
    score("none", "graphdlg", "isomorphic", 0.04, 0.01, 0.14, null_value=0.0, **NO_LEAK),
    score("none", "recursion-oracle", "isomorphic", 1.0, 0.93, 1.0, kind="oracle", null_value=0.0, **LEAK),
    score("none", "prior", "isomorphic", 0.0, 0.0, 0.07, **NULL),
    score("none", "lifting", "label", 1.0, 0.93, 1.0, null_value=0.66, **LEAK),
    score("none", "graphdlg", "label", 1.0, 0.93, 1.0, null_value=0.66, **LEAK),
    score("none", "lifting", "edge_auc_aligned", None, **RANDOM),
    score("none", "graphdlg", "edge_auc_aligned", 0.93, 0.9, 0.95, **RANDOM, **NO_LEAK),
    score("none", "lifting", "feature_mse_aligned", 3.1e-15, 1e-15, 8e-15, **MEAN, **LEAK),
    score("none", "graphdlg", "feature_mse_aligned", 0.18, 0.15, 0.21, **MEAN, **NO_LEAK),
    score("noise:1e-2", "lifting", "isomorphic", 0.06, 0.02, 0.16, null_value=0.0, **NO_LEAK),
    score("noise:1e-2", "prior", "isomorphic", 0.0, 0.0, 0.07, **NULL),
    score("noise:1e-2", "lifting", "label", 0.98, 0.89, 0.99, null_value=0.66, **LEAK),
    score("noise:1", "lifting", "isomorphic", 0.0, 0.0, 0.07, null_value=0.0, **NO_LEAK),
    score("noise:1", "lifting", "label", 0.68, 0.54, 0.79, null_value=0.66, **NO_LEAK),
    score("int8", "lifting", "isomorphic", None),
    score("int8", "lifting", "seconds", float("nan"), null=None),
]

RESULTS = {
    "format": "oubli.audit.gradients/1",
    "settings": {
        "data": "tu-mutag",
        "form": {"num_features": 7, "num_classes": 2, "hidden": [128, 128], "activation": "tanh"},
        "precision": "float64",
        "victims": 50,
        "seed": 0,
        "node_order": "shuffled",
        "auxiliary": "94 graphs of the same data set",
        "command": "oubli audit gradients tu-mutag --victims 50",
    },
    "threat_model": "Attacker: an honest-but-curious server.\nIt knows the weights it sent.",
    "defences": [
        defence("none", "nothing is done to it", accuracy=0.86),
        defence("noise:1e-2", "clipped to norm 1, Gaussian noise of deviation 0.01", epsilon=12345.6, accuracy=0.85),
        defence("noise:1", "clipped to norm 1, Gaussian noise of deviation 1", epsilon=4.9, accuracy=0.67),
        defence("int8", "rounded to 8 bits"),
    ],
    "summary": SUMMARY,
    "unsupported": [
        {"defence": "int8", "attack": "graphdlg", "kind": "attack", "metric": "not supported", "note": "needs floats"}
    ],
    "rows": [
        {"defence": "none", "attack": "lifting", "kind": "attack", "victim": 17, "wl_equal": True, "isomorphic": False},
        {"defence": "none", "attack": "lifting", "kind": "attack", "victim": 18, "wl_equal": True, "isomorphic": True},
    ],
    "examples": [
        VICTIM
        | {
            "guesses": [
                {"defence": "none", "attack": "lifting", "scores": {"residual": 3e-16}} | TURNED,
                {"defence": "none", "attack": "graphdlg", "scores": {"residual": 0.4}} | WRONG,
                {"defence": "none", "attack": "dlg", "label": None, "node_types": None, "edges": None, "scores": {}},
                {"defence": "noise:1e-2", "attack": "lifting", "scores": {}} | TURNED | {"node_types": None},
            ]
        }
    ],
    "node_names": ["C", "N", "O", "F", "I", "Cl", "Br"],
    "versions": {"oubli": "0.1.0", "torch": "2.13.0", "python": "3.11.2"},
    "seconds": 93.4,
}


def results(**changed):
    """Return a copy that a test may change."""
    return copy.deepcopy(RESULTS) | changed
