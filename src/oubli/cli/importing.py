"""``oubli import``: edges of any size to a graph folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click

from oubli.cli.terminal import json_option, pairs, progress_to, say
from oubli.cli.values import Bytes
from oubli.cli.wording import count, duration, size
from oubli.errors import InputError

STAGES = {
    "nodes": "Reading nodes",
    "keep": "Reading edges",
    "ids": "Finding nodes",
    "edges": "Reading edges",
    "rows": "Sorting edges",
    "order": "Ordering nodes",
    "features": "Writing features",
    "checksums": "Checksums",
}

IDS = {"dense": "0 to {last:,}", "sparse": "integers", "texts": "strings"}


@click.command("import")
@click.argument("edges", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FOLDER", required=True, help="New folder for the graph.")
@click.option("--nodes", metavar="FILE", help="A node table, text or Parquet: ids, features, label and split.")
@click.option("--features", metavar="FILE", help="Feature rows, .npy of shape (nodes, features).")
@click.option("--labels", metavar="FILE", help="Labels, .npy: integers, negative where missing, or strings.")
@click.option("--splits", metavar="FILE", help="Arrays train, val and test, .npz: masks or lists of ids.")
@click.option("--num-nodes", type=click.INT, metavar="N", help="Ids are 0 to N - 1.")
@click.option(
    "--self-loops",
    type=click.Choice(["drop", "error"]),
    default="drop",
    show_default=True,
    help="What becomes of edges from a node to itself.",
)
@click.option(
    "--reorder",
    type=click.Choice(["none", "degree", "bfs"]),
    default="none",
    show_default=True,
    help="Keep nodes on the disk by degree, or breadth-first from the largest hub, so that neighbours are near each "
    "other; ids stay as they are.",
)
@click.option(
    "--memory",
    type=Bytes(),
    default="1GiB",
    show_default=True,
    metavar="SIZE",
    help="Memory to work with: 500MB, 2GiB.",
)
@click.option("--restart", is_flag=True, help="Begin anew if an import was interrupted.")
@json_option
def import_edges(edges: tuple[str, ...], output: str, as_json: bool, reorder: str, **options: Any) -> None:
    """Bring edges of any size to a graph folder.

    Memory stays bounded. EDGES are one or more edge lists: text with two columns (also .gz), Parquet, .npy or .npz;
    or one folder with an edge list and a node table. Repeated edges, and both directions of one, count once. What is
    interrupted, by a kill or a full disk too, goes on where it was when the same command is given again; it works in
    FOLDER.importing.

    `oubli fit FOLDER` learns from the graph.
    """
    from oubli.graph import import_graph

    options["reorder"] = None if reorder == "none" else reorder
    given = edges[0] if len(edges) == 1 else list(edges)
    try:
        with _stages() as told:
            report = import_graph(given, output, progress=told, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the same command goes on where it was, in {output}.importing") from None
    except ImportError as error:  # an extra that is missing is named in the message
        raise InputError(str(error)) from None
    values = report.to_dict() | {"path": output}
    say(as_json, values, _lines(values))


@contextlib.contextmanager
def _stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar after the other; yields what to call with a stage, how much is done, and of how much."""
    with contextlib.ExitStack() as bars:
        shown: dict[str, Callable[[int], None]] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in shown:
                bars.close()
                shown.clear()
                shown[stage] = bars.enter_context(progress_to(STAGES[stage], total or None))
            shown[stage](done)

        yield tell


def _lines(values: dict[str, Any]) -> list[str]:
    read = f"{count(values['entries'], 'edge')} ({size(values['bytes_read'])})"
    dropped = [
        count(values[kind], name)
        for kind, name in (("self_loops", "self-loop"), ("duplicates", "repeated edge"))
        if values[kind]
    ]
    ids = IDS[values["ids"]].format(last=values["nodes"] - 1)
    order = f", in the order {values['reorder']}" if values["reorder"] else ""
    return pairs(
        [
            (
                "Read",
                f"{read} in {duration(values['seconds'])}",
            ),
            ("Dropped", " and ".join(dropped) or "nothing"),
            (
                "Graph",
                f"{count(values['nodes'], 'node')}, {count(values['edges'], 'edge')}, "
                f"{count(values['features'], 'feature')}",
            ),
            ("Ids", f"{ids}{order}"),
            ("Saved", values["path"]),
        ]
    )
