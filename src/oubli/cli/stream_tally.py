"""What a run through a stream did, in figures and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oubli.cli.wording import ELSEWHERE, NAMES, count, duration, guarantee, listing, odometer

if TYPE_CHECKING:
    from oubli.cli.stream import StreamRun
    from oubli.guarantees import Receipt


@dataclass
class Tally:
    """Sums over the receipts of a run."""

    requests: int = 0
    batches: int = 0
    saves: int = 0
    saved_requests: int = 0
    seconds: float = 0.0
    removed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    ignored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    classes_lost: list[Any] = field(default_factory=list)

    def add(self, requests: int, receipt: Receipt) -> None:
        """Add what a batch did."""
        self.requests += requests
        self.batches += 1
        for kind, number in receipt.removed.items():
            self.removed[kind] += number
        for kind, ids in receipt.ignored.items():
            self.ignored[kind] += len(ids)
        self.classes_lost += receipt.classes_lost

    def note_save(self) -> None:
        """Note that the model was saved with all that was done so far."""
        self.saves += 1
        self.saved_requests = self.requests


def summary(run: StreamRun) -> dict[str, Any]:
    """Return what a run did as plain values for JSON."""
    from oubli.models import CertifiedClassifier

    tally, graph, fitted = run.tally, run.fitted.graph_, run.fitted
    return {
        "path": run.model,
        "stream": {
            "file": run.source.name,
            "resumable": run.source.resumable,
            "resumed_after": run.former.lines if run.former else 0,
            "lines": run.done.lines,
            "bytes": run.done.bytes,
            "requests": tally.requests + (run.former.requests if run.former else 0),
        },
        "requests": tally.requests,
        "batches": tally.batches,
        "removed": tally.removed,
        "ignored": tally.ignored,
        "classes_lost": tally.classes_lost,
        "remaining": {
            "nodes": graph.num_nodes,
            "edges": graph.num_edges,
            "training_nodes": int(graph.split_slots("train").size),
        },
        "guarantee": fitted.guarantee().to_dict(),
        "odometer": fitted.odometer_.to_dict() if isinstance(fitted, CertifiedClassifier) else None,
        "saves": tally.saves,
        "seconds": tally.seconds,
        "requests_per_second": tally.requests / tally.seconds if tally.requests else 0.0,
        "receipts": run.options.receipt,
    }


def summary_lines(run: StreamRun) -> Iterator[str]:
    """Yield what a run did, for people."""
    values = summary(run)
    stream, tally = values["stream"], run.tally
    if not tally.requests:
        yield f"{stream['file']}: nothing left to do; {_all_done(stream)}."
        return
    if run.replaced is not None and run.replaced.lines:
        yield f"The model was at line {run.replaced.lines:,} of another stream; that place is no longer kept."
    after = f", going on after line {stream['resumed_after']:,}" if run.former else ""
    yield f"Honoured: {count(tally.requests, 'request')} of {stream['file']}, to line {stream['lines']:,}{after}."
    removed = listing(count(number, NAMES[kind]) for kind, number in tally.removed.items() if number)
    rate = f"{values['requests_per_second']:,.3g} requests a second"
    yield f"Forgotten: {removed or 'nothing'}, in {duration(tally.seconds)}, {rate}."
    if any(tally.ignored.values()):
        passed = listing(count(number, NAMES[kind]) for kind, number in tally.ignored.items() if number)
        yield f"Passed over, since not there: {passed}."
    left = values["remaining"]
    yield (
        f"Remaining: {count(left['nodes'], 'node')}, {count(left['edges'], 'edge')}, "
        f"{count(left['training_nodes'], 'training node')}."
    )
    if tally.classes_lost:
        lost = ", ".join(map(repr, tally.classes_lost))
        yield f"Classes lost: {lost}: no training node has them any more, so they are never predicted again."
    yield f"Guarantee: {guarantee(values['guarantee'])}."
    if values["odometer"]:
        yield f"Odometer: {odometer(values['odometer'])}."
    yield ELSEWHERE
    if run.options.receipt:
        yield f"Receipts: {run.options.receipt}"
    yield f"Check it with: oubli verify {run.model}"


def _all_done(stream: dict[str, Any]) -> str:
    if not stream["requests"]:
        return "no line requests anything"
    return f"its {count(stream['lines'], 'line')} were done before, {count(stream['requests'], 'request')} in all"
