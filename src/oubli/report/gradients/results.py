"""What an audit of gradients wrote, checked and taken apart for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oubli.report.fields import check_format, mapping, number, objects, taking_apart, text
from oubli.report.reading import read_results

FORMAT = "oubli.audit.gradients/1"


@dataclass(frozen=True)
class Score:
    """How one attack did by one metric under one defence, beside its null; None is what was not measured."""

    defence: str
    attack: str
    kind: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    victims: int | None
    null: str | None
    null_value: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    beyond_null: bool | None


@dataclass(frozen=True)
class DefenceRecord:
    """What clients did to their updates, and what it cost and promised."""

    name: str
    describe: str
    epsilon: float | None
    delta: float | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    note: str


@dataclass(frozen=True)
class Refusal:
    """An attack that does not work at all under a defence, and why."""

    defence: str
    attack: str
    note: str


@dataclass(frozen=True)
class Drawing:
    """A graph to be drawn; types or edges are None where a guess leaves them open."""

    node_types: tuple[int, ...] | None
    edges: tuple[tuple[int, int], ...] | None
    label: str

    @property
    def num_nodes(self) -> int:
        """How many nodes, as far as types and edges tell."""
        named = max((max(edge) + 1 for edge in self.edges or ()), default=0)
        return max(named, len(self.node_types or ()))


@dataclass(frozen=True)
class Guess:
    """What an attack made of an example."""

    defence: str
    attack: str
    graph: Drawing
    scores: Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """A victim with what was made of it."""

    victim: str
    truth: Drawing
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class GradientResults:
    """An audit of gradients, as `results.json` holds it."""

    settings: Mapping[str, Any]
    threat_model: str
    defences: tuple[DefenceRecord, ...]
    summary: tuple[Score, ...]
    unsupported: tuple[Refusal, ...]
    rows: tuple[Mapping[str, Any], ...]
    examples: tuple[Example, ...]
    node_names: tuple[str, ...]
    versions: Mapping[str, Any]
    seconds: float | None

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> GradientResults:
        """Take plain values apart.

        Raises
        ------
        InputError
            When they are of another format, or a part is missing or of another kind.
        """
        check_format(results, (FORMAT,))
        with taking_apart():
            defences = tuple(_defence(record) for record in objects(results, "defences"))
            summary = tuple(_score(record) for record in objects(results, "summary"))
            named = {record.name for record in defences}
            # A score whose defence has no record still belongs on the page.
            extra = dict.fromkeys(score.defence for score in summary if score.defence not in named)
            return cls(
                settings=mapping(results, "settings"),
                threat_model=str(results["threat_model"]),
                defences=defences + tuple(_defence({"name": name}) for name in extra),
                summary=summary,
                unsupported=tuple(
                    Refusal(*(text(record[name]) for name in ("defence", "attack", "note")))
                    for record in objects(results, "unsupported", ())
                ),
                rows=tuple(objects(results, "rows")),
                examples=tuple(_example(record) for record in objects(results, "examples")),
                node_names=tuple(text(name) for name in results.get("node_names") or ()),
                versions=mapping(results, "versions"),
                seconds=number(results.get("seconds")),
            )


def read_gradient_results(path: str | Path) -> dict[str, Any]:
    """Read what an audit of gradients wrote.

    Parameters
    ----------
    path : str or Path
        The audit's folder, or its `results.json`.

    Returns
    -------
    dict
        As `write_gradient_report` takes it.

    Raises
    ------
    InputError
        When there is no such file, it is no JSON, or no audit of gradients of a supported format.
    """
    return read_results(path, "audit of gradients", GradientResults.of)


def _score(record: Mapping[str, Any]) -> Score:
    victims, null, beyond = (record.get(name) for name in ("victims", "null", "beyond_null"))
    names = ("defence", "attack", "kind", "metric")
    numbers = ("value", "low", "high", "null_value", "gain", "gain_low", "gain_high")
    values: dict[str, Any] = {name: text(record[name]) for name in names}
    values |= {name: number(record.get(name)) for name in numbers}
    return Score(
        **values,
        victims=None if victims is None else int(victims),
        null=None if null is None else text(null),
        beyond_null=None if beyond is None else bool(beyond),
    )


def _defence(record: Mapping[str, Any]) -> DefenceRecord:
    numbers = ("epsilon", "delta", "accuracy", "accuracy_low", "accuracy_high")
    return DefenceRecord(
        name=text(record["name"]),
        describe=text(record.get("describe") or ""),
        note=text(record.get("note") or ""),
        **{name: number(record.get(name)) for name in numbers},
    )


def _drawing(record: Mapping[str, Any]) -> Drawing:
    types, edges, label = (record.get(name) for name in ("node_types", "edges", "label"))
    pairs = None if edges is None else tuple((int(u), int(v)) for u, v in edges)
    chosen = None if types is None else tuple(int(kind) for kind in types)
    if min((min(pair) for pair in pairs or ()), default=0) < 0 or min(chosen or (0,)) < 0:
        raise ValueError("an example has a negative node or type")
    return Drawing(chosen, pairs, "" if label is None else text(label))


def _example(record: Mapping[str, Any]) -> Example:
    guesses = tuple(
        Guess(text(guess["defence"]), text(guess["attack"]), _drawing(guess), guess.get("scores") or {})
        for guess in objects(record, "guesses")
    )
    return Example(text(record["victim"]), _drawing(record), guesses)
