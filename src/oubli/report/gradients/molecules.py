"""Graphs drawn beside the truth: the same layout for both, and what is wrong marked by colour and by form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Patch, Rectangle
from numpy.typing import NDArray

from oubli.report.gradients.correspondence import Correspondence, correspond
from oubli.report.gradients.results import Drawing, Example, Guess
from oubli.report.palette import LIGHT, NODE_COLOURS
from oubli.report.svg import blank_figure, drawing_settings, inline_svg

WIDTH = 240.0  # points
LARGEST = 100  # nodes; more would be a smear
RADIUS = 0.3  # of a node, in lengths of an edge
FULL_NAME = 4  # letters that fit into a node


@dataclass(frozen=True)
class Picture:
    """A drawing with what is to be read below it; no drawing where there is nothing to draw."""

    svg: Markup | None
    says: str
    identical: bool = False


@dataclass(frozen=True)
class _Frame:
    """Where the places of a truth are, and how large a drawing of them is."""

    positions: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def draw_example(
    example: Example, guesses: Sequence[Guess], node_names: Sequence[str], name: str
) -> tuple[Picture, list[Picture]]:
    """Draw a victim's graph and guesses at it.

    Parameters
    ----------
    example : Example
    guesses : sequence of Guess
        Those of its guesses that are to be drawn.
    node_names : sequence of str
        By type.
    name : str
        What ids of the drawings begin with.

    Returns
    -------
    truth : Picture
    guesses : list of Picture
        In the same order, nodes at the places of the true nodes they stand for.
    """
    truth = example.truth
    if truth.edges is None or truth.num_nodes > LARGEST:
        why = "not recorded" if truth.edges is None else f"{truth.num_nodes} nodes: too large to draw"
        return Picture(None, why), [_undrawn(guess, why) for guess in guesses]
    found = [_matched(truth, guess.graph) for guess in guesses]
    most = max([truth.num_nodes, *(match.places.max(initial=-1) + 1 for match in found if match)])
    frame = _framed(truth, int(most))
    own = Correspondence(np.arange(truth.num_nodes), True)
    label = f"The true graph of victim {example.victim}"
    svg = _draw(truth, truth, own, frame, node_names, name, label, _describe(truth, node_names))
    pictures = []
    for position, (guess, match) in enumerate(zip(guesses, found, strict=True)):
        if match is None:
            pictures.append(_undrawn(guess, "too large to draw"))
            continue
        says = _compare(truth, guess.graph, match)
        title = f"Guess of {guess.attack} at victim {example.victim}, defence {guess.defence}"
        drawn = _draw(truth, guess.graph, match, frame, node_names, f"{name}-{position}", title, says)
        pictures.append(Picture(drawn, says, match.identical))
    return Picture(svg, _describe(truth, node_names)), pictures


def _undrawn(guess: Guess, why: str) -> Picture:
    return Picture(None, "guesses no graph" if guess.graph.edges is None else why)


def _matched(truth: Drawing, guess: Drawing) -> Correspondence | None:
    if guess.edges is None or guess.num_nodes > LARGEST:
        return None
    return correspond(truth, guess)


def _describe(graph: Drawing, node_names: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for kind in sorted(graph.node_types or ()):
        counts[_named(kind, node_names)] = counts.get(_named(kind, node_names), 0) + 1
    parts = ", ".join(f"{number} {name}" for name, number in counts.items())
    size = f"{graph.num_nodes} nodes{f' ({parts})' if parts else ''}, {len(graph.edges or ())} edges"
    return f"{size}, label {graph.label}" if graph.label else size


def _compare(truth: Drawing, guess: Drawing, match: Correspondence) -> str:
    """Say what differs, as drawn."""
    typed = truth.node_types is not None and guess.node_types is not None
    if match.identical:
        return "Identical" if typed else "Identical edges; types are not guessed"
    true, guessed = _pairs(truth), _pairs(guess, match)
    wrong_types = sum(_kind(truth, place) != _kind(guess, node) for node, place in enumerate(match.places)) * typed
    parts = [
        _counted(len(guessed - true), "edge", "too many"),
        _counted(len(true - guessed), "edge", "missing"),
        _counted(max(0, truth.num_nodes - guess.num_nodes), "node", "missing"),
        _counted(wrong_types, "node", "of a wrong type or too many"),
    ]
    told = ", ".join(filter(None, parts)) or "the rest agrees"
    return f"Differs: {told}" + ("" if typed else "; types are not guessed")


def _counted(number: int, noun: str, what: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {what}" if number else ""


def _pairs(graph: Drawing, match: Correspondence | None = None) -> set[tuple[int, int]]:
    places = range(graph.num_nodes) if match is None else match.places.tolist()
    return {(min(places[u], places[v]), max(places[u], places[v])) for u, v in graph.edges or ()}


def _kind(graph: Drawing, node: int) -> int | None:
    types = graph.node_types or ()
    return types[node] if node < len(types) else None


def _named(kind: int, node_names: Sequence[str]) -> str:
    return node_names[kind] if kind < len(node_names) else str(kind)


def _framed(truth: Drawing, places: int) -> _Frame:
    """Lay out the truth, component by component, and below it the places that only guesses have."""
    network = networkx.Graph(list(truth.edges or ()))
    network.add_nodes_from(range(truth.num_nodes))
    positions = np.zeros((places, 2))
    right = 0.0
    for part in sorted(networkx.connected_components(network), key=lambda nodes: (-len(nodes), min(nodes))):
        nodes = sorted(part)
        local = _layout(network, nodes)
        positions[nodes] = local - local.min(0) + [right, 0.0]
        right = float(positions[nodes, 0].max()) + 1.0
    extra = places - truth.num_nodes
    if extra:
        columns = max(3, int(right))
        floor = positions[: truth.num_nodes, 1].min(initial=0.0) - 1.0
        order = np.arange(extra)
        positions[truth.num_nodes :] = np.column_stack([order % columns, floor - order // columns])
    margin = RADIUS + 0.1
    return _Frame(positions, positions.min(0, initial=0.0) - margin, positions.max(0, initial=0.0) + margin)


def _layout(network: networkx.Graph, nodes: list[int]) -> NDArray[np.float64]:
    """Return places of one component, its edges of length 1 in the mean and its long side level."""
    part = networkx.Graph()
    part.add_nodes_from(nodes)
    part.add_edges_from(sorted(tuple(sorted(edge)) for edge in network.subgraph(nodes).edges))
    if len(nodes) == 1:
        return np.zeros((1, 2))
    drawn = networkx.kamada_kawai_layout(part)
    local = np.array([drawn[node] for node in nodes])
    local = local - local.mean(0)
    axes = np.linalg.svd(local, full_matrices=False)[2]
    local = local @ axes.T
    ends = np.array([(nodes.index(u), nodes.index(v)) for u, v in part.edges])
    return np.asarray(local / np.linalg.norm(local[ends[:, 0]] - local[ends[:, 1]], axis=1).mean())


def _draw(
    truth: Drawing,
    graph: Drawing,
    match: Correspondence,
    frame: _Frame,
    node_names: Sequence[str],
    name: str,
    title: str,
    description: str,
) -> Markup:
    span = frame.high - frame.low
    # Few nodes would be drawn larger than those of the neighbours: the span is that of five at the least.
    widened = np.array([max(0.0, 5.0 - span[0]) / 2, 0.0])
    low, high = frame.low - widened, frame.high + widened
    scale = WIDTH / (high[0] - low[0])
    with drawing_settings():
        figure = blank_figure(WIDTH, max(40.0, float(span[1]) * scale))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.set_aspect("equal")
        _draw_edges(axes, _pairs(truth), _pairs(graph, match), frame.positions)
        wrong = graph.node_types is not None and truth.node_types is not None
        for node, place in enumerate(match.places.tolist()):
            kind = _kind(graph, node)
            marked = wrong and kind != _kind(truth, place)
            _draw_node(axes, frame.positions[place], kind, marked, scale, node_names)
        return inline_svg(figure, name, title, description)


def _draw_edges(
    axes: Axes, true: set[tuple[int, int]], guessed: set[tuple[int, int]], positions: NDArray[np.float64]
) -> None:
    right, missed, wrong = true & guessed, true - guessed, guessed - true
    for u, v in sorted(right):
        axes.plot(*positions[[u, v]].T, color=LIGHT["ink"], linewidth=1.6, zorder=1)
    for u, v in sorted(missed):
        axes.plot(*positions[[u, v]].T, color=LIGHT["muted"], linewidth=1.2, linestyle=(0, (1, 2.5)), zorder=1)
    for u, v in sorted(wrong):
        axes.plot(*positions[[u, v]].T, color=LIGHT["leak"], linewidth=1.6, linestyle=(0, (4, 2)), zorder=1)


def _draw_node(
    axes: Axes,
    centre: NDArray[np.float64],
    kind: int | None,
    marked: bool,
    scale: float,
    node_names: Sequence[str],
) -> None:
    fill = LIGHT["paper"] if kind is None else NODE_COLOURS[kind % len(NODE_COLOURS)]
    x, y = (float(value) for value in centre)
    side = 1.8 * RADIUS
    shape: Patch
    if marked:
        shape = Rectangle((x - side / 2, y - side / 2), side, side, linestyle=(0, (3, 1.5)))
    else:
        shape = Circle((x, y), RADIUS)
    shape.set(facecolor=fill, edgecolor=LIGHT["leak" if marked else "ink"], linewidth=2.2 if marked else 0.9, zorder=2)
    axes.add_patch(shape)
    name = "?" if kind is None else _named(kind, node_names)[:FULL_NAME]
    size = min(12.0, 1.15 * RADIUS * scale) * (1.0 if len(name) <= 2 else 1.6 / len(name))
    colour = LIGHT["ink"] if kind is None else LIGHT["glyph"]
    axes.text(x, y, name, ha="center", va="center_baseline", fontsize=size, color=colour, zorder=3)
