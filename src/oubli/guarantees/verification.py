"""Verification: a rebuild from what remains, in a fresh process, compared by digest or held against a budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from oubli.errors import OubliError

LEAST_CHANCE = 1e-9
"""Noise less likely than this was not drawn from what it is said to come from."""


class Verifiable(Protocol):
    """A model that can say what it holds."""

    def digest(self) -> str:
        """Return the digest of its canonical bytes."""

    def write_remains(self, folder: Path) -> dict[str, Any]:
        """Write the data it still holds, and nothing that it made of them, to a new folder; return its description."""

    def roomy_folder(self) -> Path | None:
        """Return a folder with room for files like its own; None where that of the system will do."""


@dataclass(frozen=True)
class Verification:
    """The outcome of a rebuild.

    Attributes
    ----------
    identical : bool
        Whether the rebuilt model has the same digest; of a certified model, whether its certificate holds.
    digests : dict
        "model" and "rebuilt".
    level : str
        "reselected" when the rebuild made all choices itself, "frozen" when it was given them.
    seconds : float
        Wall-clock time.
    certificate : dict or None
        Of a certified model, the "residual" evaluated in the fresh process, the "budget" it has to stay within, and the
        "chance" of noise like that between the weights evaluated and those given out, which must not be next to none.
    """

    identical: bool
    digests: dict[str, str]
    level: str
    seconds: float
    certificate: dict[str, float] | None = None

    def to_json(self) -> str:
        """Return the outcome as JSON text."""
        return json.dumps(asdict(self), indent=2)


def verify(model: Verifiable) -> Verification:
    """Rebuild a model from the data it still holds, in a fresh process, and compare digests.

    The rebuild is given the remaining graph with its edges in another order and direction, and the parameters; of the
    model's own numbers it sees none, but for choices that a removal at level "frozen" kept. A certified model's weights
    are random, so no rebuild has them: the fresh process propagates exactly, evaluates the residual that the given
    weights leave on what remains, compares that with the budget, and looks whether noise of the right length lies
    between those weights and the ones given out.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    Verification

    Raises
    ------
    OubliError
        When the fresh process fails.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="oubli-verify-", dir=model.roomy_folder()) as folder:
        description = model.write_remains(Path(folder) / "remains")
        # Isolated from the working folder, whose files could stand in for modules; oubli itself is this one.
        command = [sys.executable, "-P", "-m", "oubli.models.rebuild", str(Path(folder) / "remains")]
        paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise OubliError(f"verify: the fresh process failed: {last[0]}")
    printed = json.loads(done.stdout.splitlines()[-1])
    digests, certificate = {"model": model.digest(), "rebuilt": printed["digest"]}, printed["certificate"]
    equal = digests["model"] == digests["rebuilt"]
    return Verification(
        identical=equal if certificate is None else holds(certificate),
        digests=digests,
        level=description["level"],
        seconds=time.perf_counter() - started,
        certificate=certificate,
    )


def holds(certificate: dict[str, float]) -> bool:
    """Tell whether a certificate evaluated afresh holds."""
    return certificate["residual"] <= certificate["budget"] and certificate["chance"] >= LEAST_CHANCE
