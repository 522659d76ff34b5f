"""One attack under one defence: chunk by chunk, from what the server saw to rows of scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oubli.audit.gradients.case import Case, Defence
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.run.victims import Group, derived_seed
from oubli.audit.gradients.scoring import Score, blank_guess, score
from oubli.audit.gradients.scoring.isomorphism import NO_TYPE, node_types
from oubli.audit.gradients.transcript import Secret, Transcript
from oubli.audit.journal import Record
from oubli.errors import InputError

OBSERVED, ATTACKED, PREPARED = 3, 4, 5
"""Purposes of seeds."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Observations:
    """What the server saw of each group under one defence, and the truths.

    Parameters
    ----------
    defence : Defence
    groups : list of Group
    transcripts : list of Transcript
    secrets : list of Secret
    blanks : dict of int to dict
        Scores of saying nothing, by group, as they are needed.
    """

    defence: Defence
    groups: list[Group]
    transcripts: list[Transcript]
    secrets: list[Secret]
    blanks: dict[int, dict[str, Score]] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case, defence: Defence, groups: list[Group], seed: int) -> Observations:
        """Act out the round of each group; the noise of a group depends on the seed and its first victim alone."""
        seen = [
            case.observe(group.graphs, defence, derived_seed(seed, OBSERVED, group.positions[0])) for group in groups
        ]
        return cls(defence, groups, [transcript for transcript, _ in seen], [secret for _, secret in seen])

    def transcript_for(self, attack: Attack, index: int) -> Transcript:
        """Return what an attack gets; oracles get the structure beside."""
        transcript = self.transcripts[index]
        if attack.kind != "oracle":
            return transcript
        return replace(transcript, structure=tuple(graph.adjacency() for graph in self.groups[index].graphs))

    def blank(self, index: int) -> dict[str, Score]:
        """Return what saying nothing scores."""
        if index not in self.blanks:
            hops = self.transcripts[index].form.num_layers
            self.blanks[index] = score(blank_guess(self.secrets[index]), self.secrets[index], hops)
        return self.blanks[index]


class Trial:
    """One attack under one defence.

    Parameters
    ----------
    attack : Attack
    seen : Observations
    seed : int
    examples : int
        For how many groups the guess itself is kept.
    """

    def __init__(self, attack: Attack, seen: Observations, seed: int, examples: int) -> None:
        self.attack, self.seen, self.seed = attack, seen, seed
        self.examples = examples if seen.defence.num_graphs == 1 else 0
        self.refused = {index: told for index in range(len(seen.groups)) if (told := self._refusal(index))}

    @property
    def unsupported(self) -> str:
        """Why the attack works on no group; empty when it works on some."""
        return self.refused[0] if len(self.refused) == len(self.seen.groups) else ""

    def run(self, done: set[int]) -> Iterator[list[Record]]:
        """Attack chunk by chunk, but for those that are done; yields the records of each.

        Parameters
        ----------
        done : set of int
            First victims of groups that are done; chunks are the same in every run.
        """
        starts = range(0, len(self.seen.groups), self.attack.batch_size)
        if all(self.seen.groups[start].positions[0] in done for start in starts):
            return
        accepted = [self._transcript(i) for i in range(len(self.seen.groups)) if i not in self.refused]
        began = time.perf_counter()
        self.attack.prepare(accepted, derived_seed(self.seed, PREPARED))
        prepared = (time.perf_counter() - began) / len(accepted)
        for start in starts:
            if self.seen.groups[start].positions[0] not in done:
                yield self._chunk(range(start, min(start + self.attack.batch_size, len(self.seen.groups))), prepared)

    def _chunk(self, indices: range, prepared: float) -> list[Record]:
        accepted = [index for index in indices if index not in self.refused]
        began = time.perf_counter()
        guesses = dict(zip(accepted, self._guesses(accepted), strict=True))
        seconds = (time.perf_counter() - began) / max(1, len(accepted)) + prepared
        return [
            self._record(index, guesses[index], seconds)
            if index in guesses
            else self._record(index, Reconstruction(note=self.refused[index]), 0.0)
            for index in indices
        ]

    def _guesses(self, indices: Sequence[int]) -> list[Reconstruction]:
        """Return the guesses; what cannot be attacked at all is a guess of nothing, with the reason."""
        if not indices:
            return []
        seed = derived_seed(self.seed, ATTACKED, self.seen.groups[indices[0]].positions[0])
        try:
            return self.attack.reconstruct([self._transcript(index) for index in indices], seed)
        except InputError as error:
            if len(indices) == 1:
                return [Reconstruction(note=str(error))]
        return [self._guesses([index])[0] for index in indices]

    def _record(self, index: int, guess: Reconstruction, seconds: float) -> Record:
        group, secret = self.seen.groups[index], self.seen.secrets[index]
        scores = score(guess, secret, self._transcript(index).form.num_layers) | {"seconds": seconds}
        names = {"defence": self.seen.defence.name, "attack": self.attack.name}
        row: dict[str, Any] = names | {
            "kind": self.attack.kind,
            "victim": group.positions[0],
            "num_nodes": sum(graph.num_nodes for graph in group.graphs),
            "num_edges": sum(graph.num_edges for graph in group.graphs),
            **scores,
            "note": guess.note,
            "ranks": {name: int(rank) for name, rank in guess.ranks.items()},
        }
        if len(group.positions) > 1:
            row["victims"] = list(group.positions)
        record = names | {"index": index, "row": row, "blank": self.seen.blank(index)}
        if index < self.examples:
            record["truth"] = _truth(secret)
            record["guess"] = names | _told(guess, secret) | {"scores": scores}
        return record

    def _transcript(self, index: int) -> Transcript:
        return self.seen.transcript_for(self.attack, index)

    def _refusal(self, index: int) -> str:
        try:
            self.attack.check(self._transcript(index))
        except InputError as error:
            return str(error)
        return ""


def _truth(secret: Secret) -> dict[str, Any]:
    graph = secret.graphs[0]
    types = graph.types
    return {
        "label": graph.label,
        "node_types": None if types is None else types.tolist(),
        "edges": graph.edges.tolist(),
    }


def _told(guess: Reconstruction, secret: Secret) -> dict[str, Any]:
    """Return what a guess commits itself to."""
    types = node_types(guess.features) if guess.features is not None and secret.graphs[0].types is not None else None
    return {
        "label": guess.labels[0] if guess.labels else None,
        "node_types": None if types is None or NO_TYPE in types else types.tolist(),
        "edges": None if guess.adjacency is None else np.argwhere(np.triu(guess.adjacency, 1)).tolist(),
    }


class Counter:
    """Tells how far an audit is."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total = progress, total
        self.done, self.text = 0, ""

    def tell(self, text: str) -> None:
        """Say what comes next."""
        self.text = text
        self.add(0)

    def add(self, number: int) -> None:
        """Count so many attempts as done."""
        self.done += number
        if self.progress:
            self.progress(self.done, self.total, self.text)
