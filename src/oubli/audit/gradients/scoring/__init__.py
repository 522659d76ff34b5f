"""How much of the truth a guess has, metric by metric, with intervals and beside nulls."""

from oubli.audit.gradients.scoring.score import (
    METRICS,
    Metric,
    Score,
    blank_guess,
    score,
)

__all__ = ["METRICS", "Metric", "Score", "blank_guess", "score"]
