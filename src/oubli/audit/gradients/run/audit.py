"""An audit: attacks and nulls under defences, on the same victims, with what can be published at the end."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

import oubli
from oubli.audit.files import versions, write_results
from oubli.audit.gradients.attacks import NULLS, build_attacks
from oubli.audit.gradients.case import Case, Defence
from oubli.audit.gradients.defences import parse_defence, train
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.reconstruction import Attack
from oubli.audit.gradients.run.checks import check_settings
from oubli.audit.gradients.run.costs import defence_cost
from oubli.audit.gradients.run.results import FORMAT, examples_of, summarise, unsupported_lines
from oubli.audit.gradients.run.trial import Counter, Observations, Progress, Trial
from oubli.audit.gradients.run.victims import Group, Halves, collection_digest, divide, group_victims
from oubli.audit.gradients.scoring.isomorphism import require_networkx
from oubli.audit.gradients.transcript import Transcript
from oubli.audit.journal import Journal, Record, plain_settings
from oubli.errors import InputError
from oubli.graph.collection import GraphCollection


@dataclass(eq=False)
class GradientAudit:
    """How much single gradients of clients give away, by attacks and the nulls beside them.

    The graphs are divided in two halves by a seeded permutation: victims are from the first, the attacker's own graphs
    are the second.

    Parameters
    ----------
    collection : GraphCollection
    form : ModelForm
    attacks : sequence of str or Attack
        Names of `ATTACKS`, or attacks; results are kept by name.
    defences : sequence of str or Defence, default ("none",)
    victims : int, default 50
        How many at the most.
    seed : int, default 0
        Of everything: weights, halves, orders of nodes, noise, attacks.
    auxiliary : {"client", "random", "none"}, default "client"
        What graphs the attacker has: the other half, Erdos-Renyi graphs, or none.
    node_order : {"shuffled", "dataset"}, default "shuffled"
    max_nodes, max_degree : int, optional
        Largest victim; largest degree, where that is public. It has to hold for every graph.
    num_nodes_known : bool, default True
        Whether sizes of graphs are public.
    precision : {"float64", "float32"}, default "float64"
    device : {"cpu", "cuda"}, default "cpu"
    weights : mapping of str to Tensor, optional
        What the server sends; by default freshly drawn.
    trained : int, default 0
        Train them first, for so many epochs, on the half of the graphs without victims.
    budget : float, default 1.0
        Share of the published iterations for attacks that iterate.
    nulls : sequence of str or Attack
        Run in any case, as a score says nothing without them.
    accuracy : bool, default True
        Whether to measure what each defence costs the model.
    delta : float, default 1e-5
        Of the privacy accountant, for defences with noise.
    examples : int, default 6
        Of how many victims truth and guesses are kept.

    Raises
    ------
    InputError
        For anything that is not supported, before anything is run.
    ImportError
        Without NetworkX.
    """

    collection: GraphCollection
    form: ModelForm
    attacks: Sequence[str | Attack]
    defences: Sequence[str | Defence] = ("none",)
    victims: int = 50
    seed: int = 0
    auxiliary: str = "client"
    node_order: str = "shuffled"
    max_nodes: int | None = None
    max_degree: int | None = None
    num_nodes_known: bool = True
    precision: str = "float64"
    device: str = "cpu"
    weights: Mapping[str, Tensor] | None = None
    trained: int = 0
    budget: float = 1.0
    nulls: Sequence[str | Attack] = NULLS
    accuracy: bool = True
    delta: float = 1e-5
    examples: int = 6

    def __post_init__(self) -> None:
        require_networkx()
        check_settings(self)
        self._attacks = build_attacks(self.attacks, self.budget)
        asked = list(self._attacks)
        self._attacks |= {
            name: null for name, null in build_attacks(self.nulls, self.budget).items() if name not in asked
        }
        built = [given if isinstance(given, Defence) else parse_defence(given) for given in self.defences]
        self._defences = {defence.name: defence for defence in built}
        self._halves: Halves = divide(self.collection, self.victims, self.seed, self.auxiliary, self.max_nodes)
        if max(defence.num_graphs for defence in self._defences.values()) > len(self._halves.victims):
            raise InputError(f"victims: {len(self._halves.victims)} are not enough for defences that mix more graphs")
        self._case = Case(
            self.form,
            self._sent(),
            self.precision,
            self.device,
            self.collection.one_hot,
            self.max_degree,
            self._halves.auxiliary,
            self._halves.source,
            self.num_nodes_known,
        )
        # Before any attack is prepared, which may leave traces in it.
        self._settled = self._fingerprint()
        self._check_supported(asked)

    @property
    def attempts(self) -> int:
        """How many attacks on a gradient there are, nulls included."""
        return len(self._attacks) * sum(len(self._groups(defence)) for defence in self._defences.values())

    def run(self, folder: str | Path, progress: Progress | None = None) -> dict[str, Any]:
        """Run what is missing in a folder, and write results.json, rows.csv and summary.csv there.

        One that was stopped goes on behind the last whole chunk, and ends with the same results but for times. Attacks
        and defences may be added to an audit that is done; other settings need another folder.

        Parameters
        ----------
        folder : str or Path
        progress : callable, optional
            Called with how many attempts are done, of how many, and what comes next.

        Returns
        -------
        dict
            What results.json holds.

        Raises
        ------
        InputError
            When the folder holds another audit, or cannot be written.
        """
        folder = Path(folder)
        with Journal.opened(folder, self._settled, ("attacks", "defences")) as journal:
            report = Counter(progress, self.attempts)
            for defence in self._defences.values():
                self._run_defence(defence, journal, report)
            results = self._results(journal.records)
            write_results(folder, results, results["rows"], [*results["summary"], *results["unsupported"]])
        return results

    def _sent(self) -> Mapping[str, Tensor]:
        """Return the weights that the server sends."""
        if self.weights is not None:
            return self.weights
        if self.trained:
            return train(self.form, self._halves.others, self.trained, self.seed)
        return self.form.draw(self.seed)

    def _check_supported(self, asked: Sequence[str]) -> None:
        """Raise when none of the attacks asked for works under any of the defences."""
        reasons: dict[str, str] = {}
        for defence in self._defences.values():
            seen = Observations.of(self._case, defence, self._groups(defence)[:1], self.seed)
            for name in asked:
                told = Trial(self._attacks[name], seen, self.seed, 0).unsupported
                if not told:
                    return
                reasons.setdefault(name, told)
        raise InputError("; ".join(t if t.startswith(f"{n}:") else f"{n}: {t}" for n, t in reasons.items()))

    def _groups(self, defence: Defence) -> list[Group]:
        return group_victims(self.collection, self._halves.victims, defence.num_graphs, self.seed, self.node_order)

    def _run_defence(self, defence: Defence, journal: Journal, report: Counter) -> None:
        groups = self._groups(defence)
        known = [record for record in journal.records if record["defence"] == defence.name]
        if not any("cost" in record for record in known) or self._lacks_accuracy(known):
            report.tell(f"accuracy under {defence.name}")
            cost = defence_cost(defence, self.form, self.collection, self.seed, self.delta, self.accuracy)
            journal.append([{"defence": defence.name, "cost": cost}])
        done = {
            name: {r["row"]["victim"] for r in known if "row" in r and r["attack"] == name} for name in self._attacks
        }
        refused = {record["attack"] for record in known if "unsupported" in record}
        missing = [name for name in self._attacks if name not in refused and len(done[name]) < len(groups)]
        report.add(len(groups) * (len(self._attacks) - len(missing)))
        if not missing:
            return
        seen = Observations.of(self._case, defence, groups, self.seed)
        for name in missing:
            report.tell(f"{name} under {defence.name}")
            trial = Trial(self._attacks[name], seen, self.seed, self.examples)
            if trial.unsupported:
                refusal = {"defence": defence.name, "attack": name, "unsupported": trial.unsupported}
                journal.append([refusal])
                report.add(len(groups))
                continue
            report.add(len(done[name]))
            for records in trial.run(done[name]):
                journal.append(records)
                report.add(len(records))

    def _lacks_accuracy(self, known: Sequence[Record]) -> bool:
        return self.accuracy and not any(record.get("cost", {}).get("accuracy") is not None for record in known)

    def _fingerprint(self) -> dict[str, Any]:
        """Return everything that rows depend on."""
        weights = hashlib.sha256()
        for name, value in self._case.weights.items():
            weights.update(name.encode())
            weights.update(value.detach().cpu().numpy().tobytes())
        return {
            **self._settings(),
            "data_sha256": collection_digest(self.collection),
            "weights_sha256": weights.hexdigest(),
            "delta": self.delta,
            "examples": self.examples,
            "oubli": oubli.__version__,
            "attacks": {
                name: plain_settings(attack) | {"batch_size": attack.batch_size}
                for name, attack in self._attacks.items()
            },
            "defences": {name: plain_settings(defence) for name, defence in self._defences.items()},
        }

    def _settings(self) -> dict[str, Any]:
        count = len(self._halves.auxiliary)
        return {
            "data": self.collection.name,
            "form": dataclasses.asdict(self.form),
            "precision": self.precision,
            "device": self.device,
            "victims": len(self._halves.victims),
            "seed": self.seed,
            "node_order": self.node_order,
            "max_nodes": self.max_nodes,
            "max_degree": self.max_degree,
            "num_nodes_known": self.num_nodes_known,
            "auxiliary": f"{count} graphs: {self._halves.source}" if count else "none",
            "budget": self.budget,
            "trained": self.trained,
        }

    def _results(self, records: Sequence[Record]) -> dict[str, Any]:
        places = {name: i for i, name in enumerate(self._defences)}, {name: i for i, name in enumerate(self._attacks)}
        attempts = sorted(
            (r for r in records if "row" in r and r["defence"] in places[0] and r["attack"] in places[1]),
            key=lambda r: (places[0][r["defence"]], places[1][r["attack"]], r["index"]),
        )
        kinds = {name: attack.kind for name, attack in self._attacks.items()}
        first = next(iter(self._defences.values()))
        seen = Observations.of(self._case, first, self._groups(first)[:1], self.seed)
        return {
            "format": FORMAT,
            "settings": self._settings(),
            "threat_model": self._threat_model(seen.transcripts[0]),
            "defences": [self._described(defence, records) for defence in self._defences.values()],
            "summary": summarise(attempts, list(self._defences), kinds, self.seed),
            "unsupported": unsupported_lines(records, list(self._defences), kinds),
            "rows": [record["row"] for record in attempts],
            "examples": examples_of(attempts),
            "node_names": list(self.collection.feature_names),
            "versions": versions(),
            "seconds": sum(record["row"]["seconds"] for record in attempts),
        }

    def _threat_model(self, transcript: Transcript) -> str:
        told = transcript.threat_model()
        if len(self._defences) == 1:
            return told
        first = next(iter(self._defences))
        return f"{told}\nThis is under defence {first}; what others do to the update is said beside each."

    def _described(self, defence: Defence, records: Sequence[Record]) -> dict[str, Any]:
        cost = [r["cost"] for r in records if r["defence"] == defence.name and "cost" in r][-1]
        left = len(self._halves.victims) % defence.num_graphs
        groups = f"{len(self._groups(defence))} groups of {defence.num_graphs} victims, {left} left over"
        note = "; ".join(filter(None, [cost["note"], groups if defence.num_graphs > 1 else ""]))
        return {"name": defence.name, "describe": defence.describe(), **cost, "note": note}
