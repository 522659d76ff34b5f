"""From the arrays that were sent and came back to a transcript, and to what attacks make of it; no Flower in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients import Attack, Defence, ParameterMap, Reconstruction, Transcript
from oubli.audit.gradients.head_only import HeadOnly
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Arrays = Sequence[NDArray[Any]]
SHARES = ("weights", "gradient")


@dataclass(frozen=True, eq=False)
class UpdateAudit:
    """How to read one client's update, and which attacks to run on it.

    Parameters
    ----------
    parameters : ParameterMap
        Of the model, from `oubli.audit.gradients.form_of`.
    learning_rate : float
        Of the clients' plain SGD. With momentum or Adam what comes back is no gradient, and attacks see a distorted
        one.
    local_steps : int, default 1
        That a client takes before it replies.
    attacks : sequence of Attack, optional
        By default head inversion alone, which takes no time.
    shares : {"weights", "gradient"}, default "weights"
        What the arrays of a reply are.
    num_graphs : int, default 1
        In the update: those of a client's batch.
    defence : Defence, optional
        What clients are known to do to their updates; sets what counts as rounding.
    one_hot, max_degree, auxiliary, auxiliary_source
        As in `Transcript`.
    seed : int, default 0
        Of the attacks.

    Raises
    ------
    InputError
        For values out of range.
    """

    parameters: ParameterMap
    learning_rate: float
    local_steps: int = 1
    attacks: Sequence[Attack] = field(default_factory=lambda: (HeadOnly(),))
    shares: str = "weights"
    num_graphs: int = 1
    defence: Defence = field(default_factory=Defence)
    one_hot: bool = False
    max_degree: int | None = None
    auxiliary: tuple[LabelledGraph, ...] = field(default=(), repr=False)
    auxiliary_source: str = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or self.local_steps < 1 or self.num_graphs < 1:
            raise InputError(
                "update: needs a learning rate above 0, a local step and a graph at least, got "
                f"{self.learning_rate}, {self.local_steps} and {self.num_graphs}"
            )
        if self.shares not in SHARES:
            raise InputError(f"shares: {self.shares!r} is not supported; supported: {', '.join(SHARES)}")

    def transcript(self, sent: Arrays, returned: Arrays) -> Transcript:
        """Return what the server sees of one update.

        Parameters
        ----------
        sent : sequence of ndarray
            Weights at the start of the round, in the order of ``state_dict()`` or ``parameters()``.
        returned : sequence of ndarray
            What came back.
        """
        weights = _float64(self.parameters.from_arrays(sent))
        reply = _float64(self.parameters.from_arrays(returned))
        unit = _unit_roundoff(returned)
        steps = "one step of SGD" if self.local_steps == 1 else f"the mean of {self.local_steps} steps of SGD"
        if self.shares == "weights":
            walked = self.learning_rate * self.local_steps
            moved = {name: value - reply[name] for name, value in weights.items()}
            gradient = {name: value / walked for name, value in moved.items()}
            lost = subtraction_error(reply, moved, unit)
        else:
            gradient, lost = reply, 0.0
        return Transcript(
            form=self.parameters.form,
            weights=weights,
            gradient=gradient,
            rounding=self.defence.rounding_of(gradient, unit) + lost,
            num_graphs=self.num_graphs,
            one_hot=self.one_hot,
            max_degree=self.max_degree,
            auxiliary=self.auxiliary,
            auxiliary_source=self.auxiliary_source,
            protocol=f"{steps}, sent as {self.shares} of type {_floating(returned)[0].dtype}; "
            f"{self.defence.describe()}",
        )

    def attack(self, transcripts: Sequence[Transcript]) -> list[dict[str, Reconstruction]]:
        """Return what each attack makes of the transcripts of one round, by its name.

        An attack that cannot work on a transcript says why in the note of an empty reconstruction.
        """
        found: list[dict[str, Reconstruction]] = [{} for _ in transcripts]
        for attack in self.attacks:
            accepted = []
            for place, transcript in enumerate(transcripts):
                try:
                    attack.check(transcript)
                    accepted.append(place)
                except InputError as error:
                    found[place][attack.name] = Reconstruction(note=str(error))
            if accepted:
                attack.prepare([transcripts[place] for place in accepted], self.seed)
            for start in range(0, len(accepted), attack.batch_size):
                places = accepted[start : start + attack.batch_size]
                for place, guess in zip(places, self._guesses(attack, transcripts, places), strict=True):
                    found[place][attack.name] = guess
        return found

    def _guesses(
        self, attack: Attack, transcripts: Sequence[Transcript], places: Sequence[int]
    ) -> list[Reconstruction]:
        try:
            return attack.reconstruct([transcripts[place] for place in places], self.seed)
        except InputError as error:
            return [Reconstruction(note=str(error)) for _ in places]


@dataclass(frozen=True, eq=False)
class Observation:
    """What a curious server has of one client's reply in one round.

    Parameters
    ----------
    round : int
    node : int
        Flower's id of the client.
    transcript : Transcript
    reconstructions : mapping of str to Reconstruction
        By attack.
    metrics : mapping of str to float
        What the client reported beside.
    """

    round: int
    node: int
    transcript: Transcript
    reconstructions: Mapping[str, Reconstruction]
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[int, ...] | None:
        """Classes of the client's graphs, by the first attack that guesses them."""
        return next((guess.labels for guess in self.reconstructions.values() if guess.labels is not None), None)

    @property
    def embedding(self) -> NDArray[np.float64] | None:
        """Pooled embedding of the client's graph, by the first attack that guesses it."""
        return next((guess.embedding for guess in self.reconstructions.values() if guess.embedding is not None), None)

    @property
    def threat_model(self) -> str:
        """Who attacks and with what, in words."""
        return self.transcript.threat_model()


def subtraction_error(returned: Mapping[str, Tensor], moved: Mapping[str, Tensor], unit: float) -> float:
    """Return a bound on the relative error of a difference of weights, each rounded when it was sent.

    Each entry ``w`` of what came back is off by up to ``unit * |w|``, so their difference by
    ``unit * ||w|| / ||w0 - w||``: in float32, and with a small learning rate, some hundred times the unit.
    """
    size = sum(float((value**2).sum()) for value in returned.values()) ** 0.5
    walked = sum(float((value**2).sum()) for value in moved.values()) ** 0.5
    return unit * size / walked if walked else 0.0


def _float64(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.double() for name, value in tensors.items()}


def _floating(arrays: Arrays) -> list[NDArray[Any]]:
    return [array for array in arrays if array.dtype.kind == "f"]


def _unit_roundoff(arrays: Arrays) -> float:
    """Return half the distance from 1 to the next number in the coarsest type that was sent."""
    found = _floating(arrays)
    if not found:
        raise InputError("arrays: none holds floating-point numbers; expected weights or a gradient")
    return max(float(np.finfo(array.dtype).eps) / 2 for array in found)
