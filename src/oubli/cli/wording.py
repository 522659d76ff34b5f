"""Figures and receipts in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oubli.guarantees import Receipt

NAMES = {"nodes": "node", "edges": "edge", "features": "feature row", "labels": "label"}

LEVELS = {
    "reselected": "choices such as alpha were made on what remains",
    "frozen": "choices such as alpha were kept from before, and may carry a trace of what went",
}

ELSEWHERE = (
    "Not reached: the data the model was fitted from, files of requests, backups, and predictions already handed out."
)


def count(number: int, name: str) -> str:
    """Return a number with its noun: ``1 node``, ``12,000 nodes``, ``2 classes``."""
    plural = f"{name}es" if name.endswith("s") else f"{name}s"
    return f"{number:,} {name if number == 1 else plural}"


def listing(parts: Iterable[str]) -> str:
    """Return parts joined as in speech: ``a, b and c``."""
    listed = list(parts)
    return " and ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))


def duration(seconds: float) -> str:
    """Return a time with a fitting unit."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def size(number: int) -> str:
    """Return a number of bytes with a fitting unit."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} bytes"


def choices(values: Mapping[str, Any]) -> str:
    """Return choices as ``name value`` pairs, those of a model within among them."""
    parts = []
    for name, value in values.items():
        parts.append(choices(value) if isinstance(value, Mapping) else f"{_spoken(name)} {figure(value)}")
    return ", ".join(filter(None, parts))


def figure(value: Any) -> str:
    """Return the value of a choice: ``none``, ``0.5``, ``100/300``."""
    if isinstance(value, list | tuple):
        return "/".join(map(figure, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Return, for each choice that came out differently, what it was and is."""
    if before.get("route", now.get("route")) != now.get("route"):
        # Another model, whose choices do not compare with the former one's.
        was, has = (choices(values.get("model", now["model"])) for values in (before, now))
        yield f"route, {before['route']} ({was}) before, {now['route']} ({has}) now"
        return
    for name, was in before.items():
        if isinstance(was, Mapping):
            yield from changes(was, now[name])
        elif was != now[name]:
            yield f"{_spoken(name)}, {figure(was)} before, {figure(now[name])} now"


def receipt_lines(receipt: Receipt) -> list[str]:
    """Return what a deletion did, for people."""
    told = {"removed": "nothing", "edges": ""}
    removed = [count(number, NAMES[kind]) for kind, number in receipt.removed.items() if number]
    if removed:
        told["removed"] = listing(removed)
    if receipt.removed["nodes"] and receipt.removed["edges"]:
        told["edges"] = " (the edges of removed nodes among them)"
    left = receipt.remaining
    lines = [
        f"Forgotten: {told['removed']}{told['edges']}, in {duration(receipt.seconds)}.",
        f"Remaining: {count(left['nodes'], 'node')}, {count(left['edges'], 'edge')}, "
        f"{count(left['training_nodes'], 'training node')}.",
        f"How: {receipt.path}.",
    ]
    for kind, ignored in receipt.ignored.items():
        lines.append(f"Passed over, since not there: {count(len(ignored), NAMES[kind])} ({_some(ignored)}).")
    if receipt.classes_lost:
        lost = ", ".join(map(repr, receipt.classes_lost))
        lines.append(f"Classes lost: {lost}: no training node has them any more, so they are never predicted again.")
    lines += [f"Chosen anew: {change}." for change in changes(receipt.changed_choices, receipt.choices)]
    lines.append(f"Guarantee: {guarantee(receipt.guarantee.to_dict())}.")
    return lines


def routing(values: Mapping[str, Any], level: str) -> str:
    """Return which candidate a router kept, and why."""
    named = {name: f"{name} ({kind})" for name, kind in values["candidates"].items()}
    kept = named[values["route"]]
    if level == "frozen":
        return f"{kept}, kept from before"
    reasons = [f"by homophily (threshold {values['threshold']:g})"] if values["router"] == "homophily" else []
    if values["validation_scores"]:
        scores = ", ".join(f"{named[name]} {score:.4f}" for name, score in values["validation_scores"].items())
        reasons.append(f"by validation: {scores}")
    return f"{kept}, {', '.join(reasons)}"


def homophily(values: Mapping[str, Any]) -> str:
    """Return how alike linked training nodes are."""
    edges = f"{count(values['edges'], 'edge')} between training nodes"
    if values["adjusted"] is None:
        return f"not known, with {edges}, and no two classes among their ends"
    return f"{values['adjusted']:.4f} adjusted, over {edges}"


def odometer(values: Mapping[str, Any]) -> str:
    """Return how much of a certificate's budget is spent, and on what."""
    left = values["forecast"]
    ahead = "" if left is None else f", about {count(left, 'request')} like the last ones until weights have to move"
    parts = [
        f"{values['spent']:.1%} of the budget ({values['residual']:.3g} of {values['budget']:.3g}){ahead}",
        f"{count(values['requests'], 'request')} so far, {count(values['newton_steps'], 'Newton step')}, "
        f"{count(values['retrainings'], 'retraining')}, {count(values['releases'], 'model')} given out",
    ]
    return "; ".join(parts)


def promise(values: Mapping[str, Any]) -> str:
    """Return what a model's guarantee is, in short."""
    if values["kind"] == "certified":
        return f"certified, epsilon {values['epsilon']:g}, delta {values['delta']:g}, for each model given out"
    return f"exact, {values['level']}: {LEVELS[values['level']]}"


def guarantee(values: Mapping[str, Any]) -> str:
    """Return the guarantee of a removal in one sentence."""
    if values["kind"] == "certified":
        return (
            f"certified, epsilon {values['epsilon']:g}, delta {values['delta']:g}: the weights given out are nearly as "
            f"likely without this data; residual {values['residual']:.3g}, {values['budget']:.1%} of the budget left"
        )
    return (
        f"exact, {values['level']}: the model has the bytes of one fitted without this data; {LEVELS[values['level']]}"
    )


def _some(values: list[Any], most: int = 3) -> str:
    shown = ", ".join(repr(value) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"
