"""What an audit of efficacy says of each method, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from oubli.audit.intervals import FEWEST_PAIRS
from oubli.report.efficacy.results import EfficacyResults, TestRecord
from oubli.report.estimates import Estimate, share, times, write_points
from oubli.report.forgetting.results import MethodRecord
from oubli.report.forgetting.verdict import Verdict

NOT_SUPPORTED = "not supported"


def judge(audit: EfficacyResults) -> list[Verdict]:
    """Return a verdict for each method, in their order."""
    return [_verdict(audit, method) for method in audit.methods]


def _verdict(audit: EfficacyResults, method: MethodRecord) -> Verdict:
    done = [test for test in audit.tests if audit.figure(method.name, test.name, "accuracy_after").value is not None]
    told = (*_sentences(audit, method, done), *_undone(audit, method))
    failed = [test for test in audit.tests if _failed(audit, method, test)]
    short = [test.name for test in done if _below(audit.figure(method.name, test.name, "accuracy_gap"))]
    remembers = [test.name for test in done if _above(audit.figure(method.name, test.name, "recall_gap"))]
    if not done:
        return Verdict(method, "unknown", "Not measured", told)
    if failed:
        return Verdict(method, "leak", "Failed", told)
    if method.identical:
        return Verdict(method, "safe", "The very bytes of retraining", told)
    if method.seeds < FEWEST_PAIRS:
        few = f"Intervals of fewer than {FEWEST_PAIRS} seeds tell nothing apart."
        return Verdict(method, "unknown", "Too few seeds for a verdict", (*told, few))
    if remembers:
        return Verdict(method, "leak", "Still knows what it should have forgotten", told)
    if short:
        return Verdict(method, "unclear", "Less accurate than retraining", told)
    return Verdict(method, "unclear", "Not told from retraining", told)


def _sentences(audit: EfficacyResults, method: MethodRecord, done: list[TestRecord]) -> Iterator[str]:
    if method.identical and done:
        yield f"Bytes equal to retraining under all {method.seeds} seeds, in every test."
    for test in done:
        parts = [_compared(audit, method, test, "accuracy")]
        if audit.figure(method.name, test.name, "recall_after").value is not None:
            parts.append(_compared(audit, method, test, "recall"))
        ratio = audit.figure(method.name, test.name, "speedup").value
        if ratio:
            parts.append(
                f"{times(ratio)} as quick as retraining" if ratio >= 1 else f"takes {times(1 / ratio)} as long"
            )
        yield f"{test.name}: {'; '.join(parts)}."


def _compared(audit: EfficacyResults, method: MethodRecord, test: TestRecord, what: str) -> str:
    before, after, retrained, gap = (
        audit.figure(method.name, test.name, f"{what}_{when}") for when in ("before", "after", "retrained", "gap")
    )
    shown = f"{what} {share(before.value)} before, {share(after.value)} after"
    if method.identical:
        return shown
    return f"{shown}, {share(retrained.value)} retrained (difference {write_points(gap)})"


def _undone(audit: EfficacyResults, method: MethodRecord) -> Iterator[str]:
    for test in audit.tests:
        outcome = audit.undone(method.name, test.name)
        if outcome is not None:
            how = f"failed under {outcome.failed} of {outcome.seeds} seeds" if outcome.failed else outcome.status
            yield f"{test.name}: {how}" + (f" ({outcome.reason})." if outcome.reason else ".")


def _failed(audit: EfficacyResults, method: MethodRecord, test: TestRecord) -> bool:
    outcome = audit.undone(method.name, test.name)
    return outcome is not None and outcome.status != NOT_SUPPORTED


def _below(gap: Estimate) -> bool:
    return gap.high is not None and gap.high < 0


def _above(gap: Estimate) -> bool:
    return gap.low is not None and gap.low > 0
