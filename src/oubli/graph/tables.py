"""Graphs as tables: an edge list and a node table, in text (CSV, TSV, spaces) or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.columns import Columns, read_columns
from oubli.graph.graph import Graph
from oubli.graph.ids import text_fault
from oubli.graph.labels import SPLITS

EDGE_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
NODE_SUFFIXES = (".csv", ".tsv", ".parquet")
END_NAMES = (("source", "target"), ("src", "dst"))
SPLIT_NAMES = {**{name: name for name in SPLITS}, "valid": "val", "validation": "val", "": ""}


def read_tables(
    edges_path: str | Path,
    features_path: str | Path | None = None,
    *,
    id_column: str = "id",
    label_column: str = "label",
    split_column: str = "split",
) -> Graph:
    """Read a graph from an edge list and, if there is one, a node table.

    Ids are integers if every id in both tables is one (written as Python would: ``007`` is a string), else strings.

    Parameters
    ----------
    edges_path : str or Path
        An edge list: text with fields set apart by commas, tabs, semicolons or spaces, or Parquet. Two columns, or more
        of which two are named `source` and `target`; a header is recognised. Lines of text that start with ``#`` are
        comments; there may be none where an id starts with ``#``. Edges are undirected; repeated ones and both
        directions count once. A folder stands for the files ``edges.csv|tsv|txt|parquet`` and
        ``nodes.csv|tsv|parquet`` in it, the second of which may be absent.
    features_path : str or Path, optional
        A node table: one row a node. Its first column, or the one named `id_column`, is the id; the columns named
        `label_column` and `split_column` (train, val, test or empty) are what they say; all others are numeric
        features. The nodes of the graph are then its rows; without it they are the ends of the edges, and have no
        features.
    id_column, label_column, split_column : str
        Names in the header of the node table; case does not matter.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        With the file and the line: for a wrong number of columns, a feature that is empty, not a number or not finite,
        an id that is empty or given twice, a self-loop, an edge that names an unknown node, an unknown split, or a node
        that is in a split and has no label.

    Examples
    --------
    >>> from oubli.graph import read_tables
    >>> graph = read_tables("edges.csv", "nodes.csv")  # doctest: +SKIP
    """
    edges_path, nodes_path = find_tables(Path(edges_path), None if features_path is None else Path(features_path))
    edges = read_columns(edges_path, choose_ends, map(set, END_NAMES), comments=True)
    for ends in edges.kept.values():
        refuse_unfit(edges, ends)
    if nodes_path is None:
        us, vs = _as_ids(*edges.kept.values())
        _refuse_comments(edges, us, vs)
        _refuse_loops(edges, us, vs)
        return Graph.from_edges(np.column_stack([us, vs]), node_ids=np.unique(np.concatenate([us, vs])))
    special = {"id": id_column.lower(), "label": label_column.lower(), "split": split_column.lower()}
    found: dict[str, int] = {}
    nodes = read_columns(
        nodes_path,
        lambda names, where: choose_node_columns(names, where, special, found),
        [{name} for name in special.values()],
        comments=False,
    )
    given_ids = nodes.kept[found["id"]]
    refuse_unfit(nodes, given_ids)
    ids, us, vs = _as_ids(given_ids, *edges.kept.values())
    _refuse_repeated(nodes, ids)
    _refuse_comments(edges, ids, us, vs)
    _refuse_unknown(edges, nodes, ids, us, vs)
    _refuse_loops(edges, us, vs)
    labels = read_labels(nodes.kept[found["label"]]) if "label" in found else None
    masks = _masks(nodes, nodes.kept[found["split"]], labels) if "split" in found else {}
    return Graph.from_edges(np.column_stack([us, vs]), features=nodes.numbers, labels=labels, node_ids=ids, **masks)


def find_tables(edges: Path, nodes: Path | None) -> tuple[Path, Path | None]:
    """Return the files of an edge list and a node table, of which a folder holds both."""
    if not edges.is_dir():
        return edges, nodes
    names = [f"edges{suffix}" for suffix in EDGE_SUFFIXES]
    found = [edges / name for name in names if (edges / name).is_file()]
    beside = [edges / f"nodes{suffix}" for suffix in NODE_SUFFIXES if (edges / f"nodes{suffix}").is_file()]
    if len(found) != 1 or (nodes is None and len(beside) > 1):
        have = ", ".join(path.name for path in [*found, *beside]) or "none"
        raise InputError(f"{edges}: expected one of {', '.join(names)} and at most one nodes table; it has {have}")
    return found[0], nodes or next(iter(beside), None)


def choose_ends(names: list[str], where: str) -> tuple[Sequence[int], Sequence[int]]:
    """Choose the two columns of an edge list."""
    for u, v in END_NAMES:
        if u in names and v in names:
            return (names.index(u), names.index(v)), ()
    if len(names) != 2:
        raise InputError(
            f"{where}: an edge list has 2 columns, not {len(names)}; name two of them source and target in a header"
        )
    return (0, 1), ()


def choose_node_columns(
    names: list[str], where: str, special: dict[str, str], found: dict[str, int]
) -> tuple[Sequence[int], Sequence[int]]:
    """Choose the columns of a node table by their roles, which `found` is told."""
    for role, name in special.items():
        if names.count(name) > 1:
            raise InputError(f"{where}: more than one column is named {name!r}; rename or drop one")
        if name in names:
            found[role] = names.index(name)
    if "id" not in found:
        taken = set(found.values())
        found["id"] = next((at for at in range(len(names)) if at not in taken), 0)
    kept = set(found.values())
    return sorted(kept), [at for at in range(len(names)) if at not in kept]


def _as_ids(*columns: list[Any]) -> list[NDArray[Any]]:
    """Return every column as int64, or every column as strings."""
    numbers = [as_integers(column) for column in columns]
    integers = [column for column in numbers if column is not None]
    if len(integers) == len(columns):
        return integers
    return [np.array([str(value) for value in column], dtype=np.str_) for column in columns]


def as_integers(column: list[Any]) -> NDArray[np.int64] | None:
    """Return ids as integers, or None where one is no integer as Python would write it."""
    try:
        numbers = [int(value) for value in column]
        # The same text both ways: 007 and 1_000 are names, not numbers.
        if numbers != column and [str(number) for number in numbers] != column:
            return None
        return np.array(numbers, dtype=np.int64)
    except (ValueError, OverflowError):
        return None


def refuse_unfit(table: Columns, ids: list[Any]) -> None:
    """Refuse ids that are empty, neither integers nor strings, or strings that cannot be kept."""
    for row, value in enumerate(ids):
        if value is None or value == "":
            raise InputError(f"{table.where(row)}: an id is empty; give every node one")
        if not isinstance(value, int | str) or isinstance(value, bool):
            kind = type(value).__name__
            raise InputError(f"{table.where(row)}: id {value!r} is a {kind}; ids are integers or strings")
        if isinstance(value, str) and (fault := text_fault(value)):
            raise InputError(f"{table.where(row)}: id {value[:40]!r} {fault}; give the node another name")


def _refuse_comments(edges: Columns, *columns: NDArray[Any]) -> None:
    """Refuse comments where ids start as comments do: an edge of such a node would be passed over in silence."""
    if edges.comment is None or columns[0].dtype.kind != "U":
        return
    marked = next((ids[found][0].item() for ids in columns if (found := np.char.startswith(ids, "#")).any()), None)
    if marked is not None:
        raise comment_or_id(edges.path, edges.comment, marked)


def comment_or_id(path: Path | str, line: int, marked: str) -> InputError:
    """Return the error for a comment where ids start as comments do."""
    return InputError(
        f"{path}, line {line}: a comment, or an edge of a node such as {marked!r}? Drop "
        'comments, and put ids that start with # in quotes, as in "#a",b'
    )


def _refuse_repeated(nodes: Columns, ids: NDArray[Any]) -> None:
    order = np.argsort(ids, kind="stable")
    twice = np.flatnonzero(ids[order][1:] == ids[order][:-1])
    if twice.size:
        first, second = int(order[twice[0]]), int(order[twice[0] + 1])
        raise InputError(
            f"{nodes.where(second)}: id {ids[second].item()!r} was given before, in {nodes.unit} {nodes.lines[first]}; "
            "give every node one row"
        )


def _refuse_unknown(edges: Columns, nodes: Columns, ids: NDArray[Any], us: NDArray[Any], vs: NDArray[Any]) -> None:
    unknown = np.column_stack([~np.isin(us, ids), ~np.isin(vs, ids)])
    if unknown.any():
        row, end = (int(i) for i in np.argwhere(unknown)[0])
        name = (us, vs)[end][row].item()
        raise InputError(
            f"{edges.where(row)}: node {name!r} is not in {nodes.path}; add a row for it there, or drop the edge"
        )


def _refuse_loops(edges: Columns, us: NDArray[Any], vs: NDArray[Any]) -> None:
    loops = np.flatnonzero(us == vs)
    if loops.size:
        row = int(loops[0])
        raise InputError(
            f"{edges.where(row)}: a self-loop at node {us[row].item()!r}; drop it (the propagation adds its own)"
        )


def read_labels(given: list[Any]) -> NDArray[Any]:
    """Return integers with -1, or strings with the empty one, where a label is missing."""
    missing = [value is None or value == "" or value != value for value in given]
    present = [value for value, gone in zip(given, missing, strict=True) if not gone]
    whole = [int(value) if isinstance(value, float) and value.is_integer() else value for value in present]
    integers = as_integers(whole)
    values = np.array([str(value) for value in whole], dtype=np.str_) if integers is None else integers
    labels = np.full(len(given), -1, np.int64) if integers is not None else np.full(len(given), "", values.dtype)
    labels[~np.array(missing, dtype=bool)] = values
    return labels


def _masks(nodes: Columns, given: list[Any], labels: NDArray[Any] | None) -> dict[str, NDArray[np.bool_]]:
    names = []
    for row, value in enumerate(given):
        name = split_name(value, nodes.where(row))
        if name and (labels is None or labels[row] in (-1, "")):
            raise InputError(f"{nodes.where(row)}: in split {name} without a label; give it one, or empty its split")
        names.append(name)
    chosen = np.array(names, dtype=np.str_)
    return {split: chosen == split for split in SPLITS}


def split_name(value: Any, where: str) -> str:
    """Return train, val, test or the empty string for what a node table says.

    Raises
    ------
    InputError
        With the place when it is none of these.
    """
    name = SPLIT_NAMES.get("" if value is None else str(value).strip().lower())
    if name is None:
        raise InputError(f"{where}: split {value!r} is none of train, val, test, or empty")
    return name
