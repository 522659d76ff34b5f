"""``oubli verify``: compare a model with a rebuild."""

from __future__ import annotations

from dataclasses import asdict

import click

from oubli.cli.models import model_argument, open_model
from oubli.cli.options import engine_options
from oubli.cli.terminal import json_option, pairs, progress, say
from oubli.cli.wording import LEVELS, duration


@click.command(short_help="Rebuild in a fresh process, and compare the bytes.")
@model_argument
@engine_options
@json_option
def verify(model: str, engine: str | None, workers: int | str | None, as_json: bool) -> int:
    """Rebuild from what remains in a fresh process, and compare the bytes.

    The rebuild gets the data that MODEL still holds, with the edges shuffled, and none of its weights or sums. Exits
    with 0 if both models have the same digest, with 1 if they differ. Of a certified model, whose weights are random,
    the fresh process evaluates the residual that they leave; 0 says that it is within the budget, and that the weights
    given out lie as far from them as noise would put them.
    """
    fitted = open_model(model, engine, workers)
    with progress("Fitting anew in a fresh process"):
        from oubli.guarantees import verify as rebuild

        result = rebuild(fitted)
    if result.certificate is not None:
        told, rows = _certificate(model, result.certificate, result.identical)
        say(as_json, {"path": model, **asdict(result)}, [told, *pairs([*rows, ("Time", duration(result.seconds))])])
        return 0 if result.identical else 1
    told = (
        f"Identical: {model} has the very bytes of a model fitted from scratch on the data it still holds."
        if result.identical
        else f"NOT identical: {model} differs from a model fitted from scratch on the data it still holds. "
        "It may have been changed, or the machine computes differently; fit again before you rely on it."
    )
    rows = [
        ("Model", result.digests["model"]),
        ("Rebuilt", result.digests["rebuilt"]),
        ("Level", f"{result.level}: {LEVELS[result.level]}"),
        ("Time", duration(result.seconds)),
    ]
    say(as_json, {"path": model, **asdict(result)}, [told, *pairs(rows)])
    return 0 if result.identical else 1


def _certificate(model: str, certificate: dict[str, float], holds: bool) -> tuple[str, list[tuple[str, str]]]:
    told = (
        f"The certificate holds: what the weights of {model} owe to more than the data it still holds, the noise hides."
        if holds
        else f"The certificate does NOT hold: {_fault(model, certificate)}. It may have been changed; fit again before "
        "you rely on it."
    )
    rows = [
        ("Residual", f"{certificate['residual']:.6g}, evaluated afresh on exact embeddings"),
        ("Budget", f"{certificate['budget']:.6g}"),
        ("Noise", f"as long as it should be, or further from it, with probability {certificate['chance']:.3g}"),
    ]
    return told, rows


def _fault(model: str, certificate: dict[str, float]) -> str:
    if certificate["residual"] <= certificate["budget"]:
        return f"the weights that {model} gives out, and the noise on them, do not go with those evaluated"
    return f"the weights of {model} are further from the optimum on the data it still holds than the noise hides"
