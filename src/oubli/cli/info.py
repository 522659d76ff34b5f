"""``oubli info``: what a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from oubli.cli.models import folder_bytes, model_argument, open_model
from oubli.cli.options import engine_options
from oubli.cli.terminal import json_option, pairs, say
from oubli.cli.wording import choices, count, homophily, odometer, promise, routing, size

if TYPE_CHECKING:
    from oubli.models import NodeClassifier


@click.command()
@model_argument
@engine_options
@json_option
def info(model: str, engine: str | None, workers: int | str | None, as_json: bool) -> None:
    """Tell what a model is: choices, sizes, scores and digest."""
    fitted = open_model(model, engine, workers)
    values = describe(fitted) | {"path": model, "bytes": folder_bytes(model)}
    say(as_json, values, pairs([("Model", model), *_rows(values)]))


def describe(fitted: NodeClassifier) -> dict[str, Any]:
    """Return a fitted model as plain values for JSON."""
    from oubli.models.homophily import HomophilyCounters

    graph = fitted.graph_
    counters = HomophilyCounters.from_graph(graph)
    metric = str(fitted.get_params(deep=False).get("scoring", "accuracy"))
    return {
        "model": fitted.describe(),
        "choices": fitted.choices_,
        "engine": _engine(fitted),
        "routing": _routing(fitted),
        "homophily": {"adjusted": counters.adjusted, "edges": counters.num_edges},
        "guarantee": fitted.guarantee().to_dict(),
        "odometer": _odometer(fitted),
        "classes": fitted.classes_.tolist(),
        "nodes": graph.num_nodes,
        "edges": graph.num_edges,
        "features": graph.num_features,
        "splits": {name: int(graph.split_slots(name).size) for name in ("train", "val", "test")},
        "removals": len(graph.index.ledger.hashes()),
        "stream": _stream(fitted),
        "metric": metric,
        "scores": {name: _score(fitted, name, metric) for name in ("val", "test")},
        "digest": fitted.digest(),
    }


def _routing(fitted: NodeClassifier) -> dict[str, Any] | None:
    from oubli.models import RoutedClassifier

    if not isinstance(fitted, RoutedClassifier):
        return None
    return {
        "route": fitted.route_,
        "router": fitted.router,
        "threshold": float(fitted.threshold),
        "candidates": {name: _kind(candidate) for name, candidate in fitted.candidates_.items()},
        "validation_scores": fitted.validation_scores_,
    }


def _engine(fitted: NodeClassifier) -> dict[str, str] | None:
    from oubli.models import SGCRidge

    return {"name": fitted.engine_.name, "why": fitted.engine_.why} if isinstance(fitted, SGCRidge) else None


def _odometer(fitted: NodeClassifier) -> dict[str, Any] | None:
    from oubli.models import CertifiedClassifier

    return fitted.odometer_.to_dict() if isinstance(fitted, CertifiedClassifier) else None


def _stream(fitted: NodeClassifier) -> dict[str, int] | None:
    place = fitted.stream_position
    return None if place is None else {"lines": place.lines, "bytes": place.bytes, "requests": place.requests}


def _kind(candidate: NodeClassifier) -> str:
    from oubli.models import CorrectAndSmooth

    if isinstance(candidate, CorrectAndSmooth) and candidate.base is not None:
        return f"{_kind(candidate.base)}, smoothed"
    return type(candidate).__name__


def _score(fitted: NodeClassifier, split: str, metric: str) -> float | None:
    from oubli.errors import InputError

    try:
        return fitted.score(fitted.graph_.index.ids[fitted.graph_.split_slots(split)], metric)
    except InputError:  # an empty split, or one in which the metric says nothing
        return None


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    splits, scores = values["splits"], values["scores"]
    route = [("Route", routing(values["routing"], values["guarantee"]["level"]))] if values["routing"] else []
    account = [("Odometer", odometer(values["odometer"]))] if values["odometer"] else []
    place = values["stream"]
    stream = (
        [("Stream", f"{count(place['lines'], 'line')} done, {count(place['requests'], 'request')}")] if place else []
    )
    return [
        ("Kind", _call(values["model"])),
        *computed(values["engine"]),
        ("Choices", choices(values["choices"]) or "none"),
        *route,
        ("Guarantee", promise(values["guarantee"])),
        *account,
        ("Graph", f"{count(values['nodes'], 'node')}, {count(values['edges'], 'edge')}"),
        ("Homophily", homophily(values["homophily"])),
        ("Inputs", f"{count(values['features'], 'feature')}, {count(len(values['classes']), 'class')}"),
        ("Splits", f"{splits['train']:,} train, {splits['val']:,} val, {splits['test']:,} test"),
        ("Scores", ", ".join(f"{name} {values['metric']} {_figure(score)}" for name, score in scores.items())),
        ("Removals", f"{values['removals']:,} so far, remembered as keyed hashes"),
        *stream,
        ("Digest", values["digest"]),
        ("On disk", size(values["bytes"])),
    ]


def computed(engine: dict[str, str] | None) -> list[tuple[str, str]]:
    """Return the row that says which engine, and why; none for models that have no choice."""
    return [("Engine", f"{engine['name']} ({engine['why']})")] if engine else []


def _call(description: dict[str, Any]) -> str:
    parts = []
    for name, value in description["params"].items():
        if value is not None:
            inner = isinstance(value, dict) and "class" in value
            parts.append(f"{name}={_call(value) if inner else value}")
    return f"{description['class']}({', '.join(parts)})"


def _figure(score: float | None) -> str:
    return "not known" if score is None else f"{score:.4f}"
