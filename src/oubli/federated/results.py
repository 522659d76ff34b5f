"""From what a federation gave away to the results of an audit of gradients, which the report renders."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from oubli.audit.files import versions
from oubli.audit.gradients import Attack, Defence
from oubli.audit.gradients.defences.privacy import DELTA
from oubli.audit.gradients.run.costs import defence_cost
from oubli.audit.gradients.run.results import FORMAT, examples_of, summarise, unsupported_lines
from oubli.audit.gradients.run.trial import Observations, Trial
from oubli.audit.gradients.run.victims import Group
from oubli.audit.journal import Record
from oubli.errors import InputError
from oubli.federated.simulation import Outcome
from oubli.graph.collection import GraphCollection


def federation_results(
    outcomes: Sequence[Outcome], graphs: GraphCollection, attacks: Sequence[Attack], seed: int = 0, examples: int = 6
) -> dict[str, Any]:
    """Attack what the server saw in each federation, and return the results as an audit does.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of `simulate`, with different defences and otherwise the same arguments.
    graphs : GraphCollection
        Those of the clients.
    attacks : sequence of Attack
        With nulls among them, or no score says anything.
    seed : int, default 0
        Of attacks and intervals.
    examples : int, default 6
        Of how many victims of each round truth and guesses are kept.

    Returns
    -------
    dict
        Of format ``oubli.audit.gradients/1``, without accuracies: a few rounds tell none.

    Raises
    ------
    InputError
        When there is no null, or outcomes are not comparable.
    """
    kinds = {attack.name: attack.kind for attack in attacks}
    if "null" not in kinds.values():
        raise InputError(f"attacks: no null among {', '.join(kinds) or 'none'}; a score says nothing without one")
    defences = [outcome.defence.name for outcome in outcomes]
    if len(set(defences)) < len(defences) or len({outcome.victims for outcome in outcomes}) != 1:
        raise InputError(f"outcomes: expected the same victims under different defences, got {', '.join(defences)}")
    records = [
        record for outcome in outcomes for attack in attacks for record in _attempts(outcome, attack, seed, examples)
    ]
    rows = [record for record in records if "row" in record]
    return {
        "format": FORMAT,
        "settings": _settings(outcomes, graphs, seed),
        "threat_model": outcomes[0].observations[0].threat_model,
        "defences": [_defence(outcome, graphs, seed) for outcome in outcomes],
        "summary": summarise(rows, defences, kinds, seed),
        "unsupported": unsupported_lines(records, defences, kinds),
        "rows": [record["row"] for record in rows],
        "examples": examples_of(rows),
        "node_names": list(graphs.feature_names),
        "versions": versions(),
        "seconds": sum(record["row"]["seconds"] for record in rows),
    }


def _attempts(outcome: Outcome, attack: Attack, seed: int, examples: int) -> list[Record]:
    """Return the records of one attack, round by round: each has weights of its own."""
    records: list[Record] = []
    for number in range(1, _rounds(outcome) + 1):
        places = [place for place, each in enumerate(outcome.observations) if each.round == number]
        seen = Observations(
            outcome.defence,
            [Group((outcome.victims[place],), outcome.secrets[place].graphs) for place in places],
            [outcome.observations[place].transcript for place in places],
            [outcome.secrets[place] for place in places],
        )
        trial = Trial(attack, seen, seed, examples)
        if trial.unsupported:
            # By form and protocol, so for every round alike.
            return [{"defence": outcome.defence.name, "attack": attack.name, "unsupported": trial.unsupported}]
        for found in trial.run(set()):
            records += [record | {"index": places[record["index"]]} for record in found]
    return records


def _settings(outcomes: Sequence[Outcome], graphs: GraphCollection, seed: int) -> Mapping[str, Any]:
    first = outcomes[0].observations[0].transcript
    count = len(first.auxiliary)
    return {
        "data": graphs.name,
        "form": dataclasses.asdict(first.form),
        "precision": "float32",
        "victims": len(outcomes[0].victims),
        "seed": seed,
        "node_order": "shuffled",
        "max_degree": first.max_degree,
        "num_nodes_known": first.num_nodes is not None,
        "auxiliary": f"{count} graphs: {first.auxiliary_source}" if count else "none",
        "federation": {
            "engine": "Flower's simulation, federated averaging, one graph a client and round",
            "clients": len(outcomes[0].victims) // _rounds(outcomes[0]),
            "rounds": _rounds(outcomes[0]),
            "seconds": {outcome.defence.name: round(outcome.seconds, 1) for outcome in outcomes},
        },
    }


def _defence(outcome: Outcome, graphs: GraphCollection, seed: int) -> dict[str, Any]:
    form = outcome.observations[0].transcript.form
    cost = defence_cost(outcome.defence, form, graphs, seed, DELTA, accuracy=False, rounds=_rounds(outcome))
    described = {"name": outcome.defence.name, "describe": outcome.defence.describe()}
    note = "" if type(outcome.defence) is Defence else "applied by each client, in a Flower mod"
    return described | cost | {"note": note}


def _rounds(outcome: Outcome) -> int:
    return max(each.round for each in outcome.observations)
