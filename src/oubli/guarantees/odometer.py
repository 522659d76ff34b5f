"""How much of a certificate is spent, and how long the rest may last."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

MOST_FORECAST = 2.0**53


@dataclass(frozen=True)
class Odometer:
    """Account of one certified model.

    Parameters
    ----------
    epsilon, delta : float
        Of each release.
    budget : float
        Norm of the gradient residual that the noise hides.
    residual : float
        Evaluated bound on that norm, at the present weights.
    requests : int
        Removals honoured since the fit.
    requests_since_step : int
        Those of them since the weights last moved.
    residual_after_step : float
        The residual when the weights last moved.
    newton_steps, tightenings, retrainings : int
        What was done when the budget ran short, since the fit.
    releases : int
        Models given out, the first one included. Whoever sees several learns more than one certificate says
        (docs/proofs/certified-removal).
    """

    epsilon: float
    delta: float
    budget: float
    residual: float = 0.0
    requests: int = 0
    requests_since_step: int = 0
    residual_after_step: float = 0.0
    newton_steps: int = 0
    tightenings: int = 0
    retrainings: int = 0
    releases: int = 1

    @property
    def spent(self) -> float:
        """Share of the budget that the residual takes."""
        return self.residual / self.budget

    @property
    def forecast(self) -> int | None:
        """Requests like those since the last step until the budget runs short; None where nothing tells."""
        grown = self.residual - self.residual_after_step
        if self.requests_since_step == 0 or grown <= 0:
            return None
        return int(min(max(self.budget - self.residual, 0.0) / (grown / self.requests_since_step), MOST_FORECAST))

    def after(self, residual: float, *, steps: int = 0, tightenings: int = 0, retrainings: int = 0) -> Odometer:
        """Return the account after one more request and release."""
        moved = steps + retrainings > 0
        return replace(
            self,
            residual=residual,
            requests=self.requests + 1,
            requests_since_step=0 if moved else self.requests_since_step + 1,
            residual_after_step=residual if moved else self.residual_after_step,
            newton_steps=self.newton_steps + steps,
            tightenings=self.tightenings + tightenings,
            retrainings=self.retrainings + retrainings,
            releases=self.releases + 1,
        )

    def counts(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the account as plain values."""
        return {**self.counts(), "spent": self.spent, "forecast": self.forecast}
