"""``oubli verify``: compare a model with a rebuild."""

from __future__ import annotations

from dataclasses import asdict

import click

from oubli.cli.models import model_argument, open_model
from oubli.cli.terminal import json_option, pairs, progress, say
from oubli.cli.wording import LEVELS, duration


@click.command(short_help="Rebuild in a fresh process, and compare the bytes.")
@model_argument
@json_option
def verify(model: str, as_json: bool) -> int:
    """Rebuild from what remains in a fresh process, and compare the bytes.

    The rebuild gets the data that MODEL still holds, with the edges shuffled, and none of its weights or sums. Exits
    with 0 if both models have the same digest, with 1 if they differ.
    """
    fitted = open_model(model)
    with progress("Fitting anew in a fresh process"):
        from oubli.guarantees import verify as rebuild

        result = rebuild(fitted)
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
