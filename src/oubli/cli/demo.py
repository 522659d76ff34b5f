"""``oubli demo``: the main job on a generated graph, with every claim checked."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from oubli.cli.terminal import json_option, progress, say
from oubli.cli.wording import choices, count, duration, guarantee, listing, receipt_lines
from oubli.errors import InputError

ALPHAS = (0.1, 1.0, 10.0, 100.0)
DRAWS = 9
SMALLEST = 200


@click.command()
@click.option("-o", "--output", metavar="FOLDER", help="Keep the model in this new folder. Default: a temporary one.")
@click.option("--size", type=int, default=20_000, show_default=True, metavar="N", help="Nodes of the graph.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Another seed, another graph.")
@json_option
def demo(output: str | None, size: int, seed: int, as_json: bool) -> int:
    """See it learn, forget and prove it, without any data.

    Generates a graph of people, fits a model, forgets a mixed request, rebuilds the model in a fresh process, compares
    the bytes, searches the disk for what was forgotten, measures the cost, and forgets once more by a certificate.
    With the extras `attacks` and `report` it also recovers a graph from one gradient, and draws that in report.html
    (beside the model if that is kept, else here). Needs no network. Exits with 1 if a check fails.
    """
    if size < SMALLEST:
        raise InputError(f"--size: a demonstration needs {SMALLEST} nodes or more, not {size}")
    if output and Path(output).exists() and (not Path(output).is_dir() or any(Path(output).iterdir())):
        raise InputError(f"{output}: is not empty; give a new folder, which the demonstration fills")
    with contextlib.ExitStack() as stack:
        folder = output or stack.enter_context(tempfile.TemporaryDirectory(prefix="oubli-demo-"))
        page = Path(output).parent / "report.html" if output else Path("report.html")
        values = _run(Path(folder), size, seed, page, _teller(as_json))
    kept = ["", f"The model is in {output}; look at it with: oubli info {output}"] if output else []
    say(as_json, values | {"kept_in": output}, kept)
    return 0 if values["passed"] else 1


def _run(folder: Path, size: int, seed: int, page: Path, tell: Callable[[str], object]) -> dict[str, Any]:
    """Go through the steps, telling each, and return the figures."""
    started = time.perf_counter()
    with progress("Loading"):
        from oubli.cli.demonstration import cast, certify, costs, files_with, people, traces, with_weights
        from oubli.guarantees import verify
        from oubli.models import SGCRidge, load_model

        graph = people(size, seed)
    story = cast(graph)
    wanted = traces(graph, story)
    tell(
        f"1. A graph, drawn at random: {size:,} people in {graph.classes.size} groups, "
        f"{count(graph.num_edges, 'tie')}, {graph.num_features} features each."
    )

    with progress("Fitting (the first time, this includes compiling)"):
        begun = time.perf_counter()
        fitted = SGCRidge(alpha=ALPHAS).fit(graph)
        fit_seconds = time.perf_counter() - begun
        fitted.save(folder)
    accuracy = fitted.score()
    planted = {name: files_with(folder, pieces) for name, pieces in wanted.items()}
    old_weights = fitted.to_state()[1]["weights"]
    tell(
        f"2. A model of it: SGCRidge, {choices({'alpha': fitted.alpha_})} chosen on validation, fitted in "
        f"{duration(fit_seconds)} (the first run compiles, too). It finds the group of {accuracy:.1%} of the test "
        f"people; guessing finds {1 / graph.classes.size:.0%}."
    )
    tell(
        f"3. A request: forget {story.person} with all {count(story.ties, 'tie')}; the tie of {story.tie[0]} and "
        f"{story.tie[1]}; the features of {story.private}; the label of {story.unlabelled}."
    )

    with progress("Forgetting"):
        receipt = fitted.unlearn(story.removal())
        fitted.save(folder)
    for line in receipt_lines(receipt):
        tell(f"   {line}")

    with progress("Fitting anew in a fresh process"):
        proof = verify(load_model(folder))
    tell("4. A fit from scratch on what remains, in a fresh process, ties shuffled. SHA-256 over all numbers:")
    tell(f"   unlearned  {proof.digests['model']}")
    tell(f"   rebuilt    {proof.digests['rebuilt']}")
    tell(f"   {'Identical.' if proof.identical else 'DIFFERENT.'}")

    with progress("Checking that the check can fail"):
        stale = verify(with_weights(fitted, old_weights))
    tell("5. The same check on a stale model, with the data deleted but the old weights kept. It must not pass:")
    tell(f"   stale      {stale.digests['model']}")
    tell(f"   {'IDENTICAL.' if stale.identical else 'Different, as it must be.'}")

    found = {name: files_with(folder, pieces) for name, pieces in wanted.items()}
    tell("6. The saved files, searched byte by byte for the name and the feature rows that went:")
    for name, files in found.items():
        was, now = count(len(planted[name]), "file"), count(len(files), "file")
        tell(f"   {name}: in {was} before the request, in {now} after it")

    with progress("Timing", total=DRAWS) as step:
        spent = costs(fitted, DRAWS, step)
    ratio = spent["refit_seconds"] / spent["unlearn_seconds"]
    tell(
        f"7. Once compiled, forgetting one person takes {duration(spent['unlearn_seconds'])}, fitting anew "
        f"{duration(spent['refit_seconds'])} (medians of {DRAWS}, one thread)."
    )

    with progress("Forgetting by a certificate"):
        certified = certify(graph, story.person)
    for line in _certified_lines(certified, story.person):
        tell(line)
    leak = _leak(page, seed, tell)

    checks = {
        "identical_to_rebuild": proof.identical,
        "stale_model_is_detected": not stale.identical,
        "traces_found_before": all(planted.values()),
        "no_trace_after": not any(found.values()),
        "certificate_holds": certified["evaluated"]["holds"],
        "untrained_weights_are_detected": not certified["untrained"]["holds"],
    }
    values = {
        "passed": all(checks.values()),
        "checks": checks,
        "graph": {"nodes": graph.num_nodes, "edges": graph.num_edges, "features": graph.num_features},
        "accuracy": {"before": accuracy, "after": fitted.score()},
        "receipt": receipt.to_dict(),
        "digests": {**proof.digests, "stale": stale.digests["model"]},
        "files_with_traces": {"before": planted, "after": found},
        "cost": {"draws": DRAWS, **spent, "ratio": ratio},
        "certified": certified,
        "leak": leak,
        "seconds": time.perf_counter() - started,
    }
    for line in _conclusion(values):
        tell(line)
    return values


def _leak(page: Path, seed: int, tell: Callable[[str], object]) -> dict[str, Any] | None:
    """Recover a graph from a gradient and write the report, or say what that needs."""
    from oubli.cli.leak_demonstration import INSTALL, demonstrate_leak, leak_lines, missing_for_leak

    missing = missing_for_leak()
    if missing:
        tell(f"9. How a gradient gives a graph away can be seen, too, with {listing(missing)}: {INSTALL}")
        return None
    with progress("Attacking a gradient"):
        found = demonstrate_leak(page, seed)
    for line in leak_lines(found):
        tell(line)
    return found


def _certified_lines(values: dict[str, Any], person: str) -> list[str]:
    receipt, account, found = values["receipt"], values["odometer"], values["evaluated"]
    return [
        "8. For comparison another model, whose deletions are certified, not exact: a logistic regression, given out "
        f"under noise. It finds the group of {values['accuracy']['before']:.1%} of the test people. Forgetting "
        f"{person} takes {duration(receipt['seconds'])} ({receipt['path']}).",
        f"   Guarantee: {guarantee(receipt['guarantee'])}.",
        f"   Residual, evaluated afresh on what remains: {found['residual']:.3g}, of {account['budget']:.3g} that the "
        f"noise hides. {'It holds.' if found['holds'] else 'It does NOT hold.'}",
        f"   The same of weights that were not trained, which must not hold: {values['untrained']['residual']:.3g}. "
        f"{'It HOLDS.' if values['untrained']['holds'] else 'It does not hold.'}",
    ]


def _conclusion(values: dict[str, Any]) -> list[str]:
    if not values["passed"]:
        failed = ", ".join(name.replace("_", " ") for name, held in values["checks"].items() if not held)
        return ["", f"NOT PROVED. These checks failed: {failed}. Do not rely on this installation; please report it."]
    accuracy, cost = values["accuracy"], values["cost"]
    faster = f"{cost['ratio']:.0f} times faster than" if cost["ratio"] >= 2 else "about as fast on so small a graph as"
    return [
        "",
        f"What was just proved, in {values['seconds']:.0f} s:",
        "- Forgotten exactly: the model is, to the last bit, one that never saw what went. A fit from scratch on what "
        "remains has the same digest, and a model that was not updated is found out.",
        "- Gone from the disk: no file of the saved model holds the name or the features any more.",
        f"- At the cost of the change: forgetting one person was {faster} fitting anew, and test accuracy went from "
        f"{accuracy['before']:.1%} to {accuracy['after']:.1%}.",
        "- Certified, by another model: what one person leaves in its weights is less than the noise on them hides.",
        "The guarantee of the first model is Exact, at level reselected: alpha was chosen again on what remains. The "
        "rebuild starts from the data that the model still holds, on this machine and with this version of oubli. "
        "Copies elsewhere (source data, backups, predictions handed out) are out of its reach.",
        "",
        "Next, with your own graph:",
        "   oubli fit DATA -o MODEL",
        "   oubli unlearn MODEL --node ID",
        "   oubli verify MODEL",
    ]


def _teller(quiet: bool) -> Callable[[str], object]:
    if quiet:
        return lambda line: None
    width = min(shutil.get_terminal_size().columns, 100)

    def tell(line: str) -> None:
        indent = "   " if line.startswith(" ") or line[:1].isdigit() else "  " if line.startswith("-") else ""
        click.echo(textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False))

    return tell
