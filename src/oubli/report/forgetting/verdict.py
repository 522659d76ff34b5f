"""What an audit says of each method, in sentences: what it promises, and what was found off the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oubli.audit.intervals import FEWEST_PAIRS
from oubli.report.estimates import decimals, write, write_gain
from oubli.report.forgetting.chance import LEVEL, beyond_chance
from oubli.report.forgetting.results import Control, ForgettingResults, Line, MethodRecord

MATCHED = "auc_matched"
OF_THE_REMOVED = (MATCHED, "tpr_matched", "auc_removed")
"""Metrics that say something of what was removed; the others say whether the attack works at all."""


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one method.

    Parameters
    ----------
    method : MethodRecord
    status : {"leak", "unclear", "safe", "unknown"}
    word : str
        The status in words.
    sentences : tuple of str
    parts : tuple of str
        What was found off the floor, the farthest by each metric.
    """

    method: MethodRecord
    status: str
    word: str
    sentences: tuple[str, ...]
    parts: tuple[str, ...] = ()


def judge(audit: ForgettingResults) -> list[Verdict]:
    """Return a verdict for each method, in their order."""
    return [_verdict(audit, method) for method in audit.methods]


def sum_up(verdicts: Sequence[Verdict]) -> list[tuple[str, str, list[str]]]:
    """Return each status that was given, worst first, with its words and the methods that have it."""
    order = ("leak", "unclear", "safe", "unknown")
    found: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.status, verdict.word), []).append(verdict.method.name)
    ranked = sorted(found.items(), key=lambda item: order.index(item[0][0]))
    return [(status, word, names) for (status, word), names in ranked]


def of_the_removed(audit: ForgettingResults, method: str) -> list[Line]:
    """Return what attacks without the former answers get of what was removed."""
    after = {attack.name for attack in audit.attacks if attack.kind == "attack" and not attack.needs_before}
    return [
        line
        for line in audit.summary
        if line.method == method and line.attack in after and line.metric in OF_THE_REMOVED
    ]


def strongest(lines: Sequence[Line]) -> list[Line]:
    """Return lines by how far they are off the floor, the farthest first."""
    known = [line for line in lines if line.gain.value is not None]
    return sorted(known, key=lambda line: -abs(line.gain.value or 0.0))


def _verdict(audit: ForgettingResults, method: MethodRecord) -> Verdict:
    lines = of_the_removed(audit, method.name)
    control = next((control for control in audit.control if control.method == method.name), None)
    before = tuple(_with_former_answers(audit, method))
    differs = control is not None and control.bytes_equal is False
    if method.identical and not differs:
        return Verdict(method, "safe", "Nothing remains: advantage 0", (*_identical(method, lines), *before))
    if method.claim == "exact":
        where = ", and not in the matched control" if differs else ""
        told = (
            f"It promises the bytes of retraining, and has them in {method.bytes_equal} of {method.seeds} seeds"
            f"{where or ' only'}. Until that is explained, count on nothing."
        )
        return Verdict(method, "leak", "Promise not kept", (told, *before), tuple(_farthest(audit, lines)))
    if method.claim == "certified":
        status, word, promise = _certified(method, control)
        return Verdict(method, status, word, (promise, *_search(lines), *before), tuple(_farthest(audit, lines)))
    said = (*_search(lines), *_measured(control), *before)
    apart = control is not None and control.advantage.low is not None and control.advantage.low > 0
    kept = beyond_chance(lines)
    if kept or apart:
        word = "Told from retraining" if kept else "Told apart in the control"
        return Verdict(method, "leak", word, said, tuple(_farthest(audit, lines)))
    if not lines and control is None:
        return Verdict(method, "unknown", "Not measured", ("It promises nothing, and no attack was run.", *before))
    hints = any(line.off_floor for line in lines)
    word = "Off the floor, not proved" if hints else "Nothing found, nothing promised"
    return Verdict(method, "unclear", word, said, tuple(_farthest(audit, lines)))


def _identical(method: MethodRecord, lines: Sequence[Line]) -> Iterator[str]:
    yield (
        f"Bytes equal in {method.bytes_equal} of {method.seeds} seeds: after the removal the model is, to the last "
        "bit, one that was trained without the data. So no attack on the model after the removal can tell that the "
        "data were ever there, whether it is known today or not: advantage 0."
    )
    high = max((line.value.value for line in lines if line.metric == "auc_removed" and line.value.value), default=0.0)
    if high > 0.55:
        yield (
            f"That an attack reaches an AUC of {decimals(high, 2)} on it all the same is what the graph tells: "
            "retraining has the same."
        )


def _certified(method: MethodRecord, control: Control | None) -> tuple[str, str, str]:
    promise = f"It promises (epsilon {method.epsilon:g}, delta {method.delta:g})" if method.epsilon is not None else ""
    bound = method.bound if control is None or control.bound is None else control.bound
    if bound is not None:
        promise += f": nobody's advantage is above {decimals(bound)}"
    if control is None or control.advantage.value is None:
        return "unknown", "Promise not measured", f"{promise}. The matched control was not run."
    measured = f"{promise}. Measured: {write(control.advantage)}, over {control.draws or 'some'} draws of each world"
    if control.epsilon_low:
        measured += f"; epsilon is at least {control.epsilon_low:.2g} by that"
    if control.within is False:
        return "leak", "Above its own bound", f"{measured}. That is more than it promises: the promise is not kept."
    if bound is not None and control.advantage.high is not None and control.advantage.high > bound:
        wide = "The interval reaches beyond the bound, so it says little for the promise or against it: draw more."
        return "unclear", "Not above its bound, measured too roughly", f"{measured}. {wide}"
    return (
        "safe",
        "Within its bound",
        f"{measured}. That agrees with the promise, and does not prove it: others were not tried.",
    )


def _measured(control: Control | None) -> Iterator[str]:
    if control is not None and control.advantage.value is not None:
        yield (
            f"The matched control, by {control.distinguisher or 'one distinguisher'}: advantage "
            f"{write(control.advantage)}. It promises nothing, so there is no bound to compare with."
        )


def _search(lines: Sequence[Line]) -> Iterator[str]:
    """Say how much was looked at, how much was found, and what would have been."""
    tried = len(lines)
    if not tried:
        return
    if max(line.seeds for line in lines) < FEWEST_PAIRS:
        yield f"Fewer than {FEWEST_PAIRS} seeds tell nothing from its floor: run more of them."
        return
    off, above = (sum(getattr(line, side) for line in lines) for side in ("off_floor", "above_floor"))
    kept = len(beyond_chance(lines))
    if off:
        left = f"{kept} of them remain" if kept > 1 else "one of them remains" if kept else "none of them remains"
        yield (
            f"{off} of {tried} comparisons (attacks times metrics of what was removed) are off the floor, {above} of "
            f"them above; about {LEVEL * tried:.1f} would be by chance, and {left} when corrected for having made so "
            f"many (Holm).{'' if kept else ' More seeds would decide.'}"
        )
    else:
        yield f"Not one of {tried} comparisons (attacks times metrics of what was removed) is off the floor."
    if kept:
        return
    seen = [line.detectable for line in lines if line.metric == MATCHED and line.detectable is not None]
    if seen:
        least = f"of {decimals(max(seen))}" if max(seen) >= 0.001 else "below .001"
        yield f"With any one of the attacks this run would have seen a gain in AUC {least}, with a chance of 80 %."


def _farthest(audit: ForgettingResults, lines: Sequence[Line]) -> Iterator[str]:
    """Yield, for each metric, the attack that is farthest off the floor."""
    titles = {metric.name: metric.title for metric in audit.metrics}
    found = strongest([line for line in lines if line.off_floor])
    for metric in OF_THE_REMOVED:
        line = next((line for line in found if line.metric == metric), None)
        if line is not None:
            title = titles.get(metric, metric)
            yield (
                f"{title}: {line.attack} has {decimals(line.value.value)}, the floor {decimals(line.floor.value)}; "
                f"gain {write_gain(line.gain)}"
            )


def _with_former_answers(audit: ForgettingResults, method: MethodRecord) -> Iterator[str]:
    """Say what an observer gets who kept the answers from before, which no unlearning can take from them."""
    names = {attack.name for attack in audit.attacks if attack.needs_before}
    lines = [
        line for line in audit.summary if line.method == method.name and line.attack in names and line.metric == MATCHED
    ]
    best = max(lines, key=lambda line: line.value.value or 0.0, default=None)
    if best is not None and best.value.value is not None:
        yield (
            f"Who kept the answers from before the removal can compare: {best.attack} tells what was removed from what "
            f"never was there with an AUC of {write(best.value)}; had the model been retrained, of "
            f"{decimals(best.floor.value)}."
        )
