"""Compare the bytes after removals with those of fresh fits, and write results/identity.json and .md.

Five kinds of removal x data sets x sizes x models x levels. A model is fitted once a data set; each configuration
forgets in a copy of it, and a fresh estimator is fitted on what remains, its edges shuffled and turned round: with
level "frozen" under the choices made before. Digest and scores of all nodes must be the same bytes. Exits with 1 when
one is not.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.threads import limit_threads

if TYPE_CHECKING:
    from oubli.graph import Graph, Removal
    from oubli.models import NodeClassifier

DATA = ("cora", "chameleon-filtered", "squirrel-filtered", "minesweeper", "amazon-photo")
SIZES = (1, 25)
LARGE = {"amazon-photo": (25,), "minesweeper": (25,)}
"""Sizes of the graphs whose fits take longest."""

LEVELS = ("frozen", "reselected")
COLUMNS = [("data", "data"), ("model", "model"), ("count", "configurations", ",d"), ("equal", "bytes equal", ",d")]
COLUMNS += [("all", "all"), ("unlearn_s", "unlearn s", ".2f"), ("fit_s", "fresh fit s", ".2f")]


def make_models() -> dict[str, NodeClassifier]:
    """Return the estimators, small enough that hundreds of fits take minutes."""
    from oubli.models import CorrectAndSmooth, LCFNet, RandomFeatureNet, RoutedClassifier, SGCRidge

    grid = [0.1, 1.0, 10.0]
    shares = [0.0, 0.8]
    sgc = SGCRidge(hops=2, alpha=grid, projection=64)
    smooth = CorrectAndSmooth(sgc, correction=shares, smoothing=shares, iterations=10)
    small: dict[str, Any] = {"random_features": 32, "components": 24}
    kernel = LCFNet(layers=1, bandwidth=[0.3, 1.0], landmarks=400, **small)
    folds = LCFNet(layers=2, label_folds=3, head="linear", **small)
    return {
        "SGC ridge, corrected and smoothed": smooth,
        "LCF-Net, kernel head": kernel,
        "LCF-Net, label folds, linear head": folds,
        "random-feature net": RandomFeatureNet(messages=64, alpha=[30.0, 300.0], projection=32),
        "random-feature net, hybrid": RandomFeatureNet(messages=32, hybrid=True, alpha=[30.0, 300.0], projection=32),
        "routed": RoutedClassifier(assortative=smooth, heterophilous=LCFNet(layers=1, head="linear", **small)),
    }


def shuffled(graph: Graph, seed: int) -> Graph:
    """Return the same graph from edges in another order, turned round at random."""
    import numpy as np

    from oubli.graph import Graph

    generator = np.random.default_rng(seed)
    edges = generator.permutation(graph.edges)
    turned = generator.random(len(edges)) < 0.5
    edges[turned] = edges[turned, ::-1]
    order = generator.permutation(graph.num_nodes)
    splits = {"train": graph.train_nodes, "val": graph.val_nodes, "test": graph.test_nodes}
    return Graph.from_edges(
        edges, features=graph.features[order], labels=graph.labels[order], node_ids=graph.node_ids[order], **splits
    )


def graphs(quick: bool, names: Sequence[str]) -> Iterator[tuple[str, Graph]]:
    """Yield the data sets, generated ones where a file is missing."""
    from benchmarks.data import dataset, has_dataset
    from oubli.graph import generate_graph

    if quick:
        yield "generated", generate_graph(num_nodes=300, num_features=32, seed=7)
        return
    for number, name in enumerate(names):
        if has_dataset(name):
            yield name, with_validation(dataset(name))
        else:
            yield f"generated in place of {name}", generate_graph(num_nodes=2000, num_features=64, seed=number)


def with_validation(graph: Graph) -> Graph:
    """Return the graph, half of its test nodes for validation where it has none."""
    from oubli.graph import Graph

    if graph.val_nodes.size:
        return graph
    splits = {"train": graph.train_nodes, "val": graph.test_nodes[::2], "test": graph.test_nodes[1::2]}
    return Graph.from_edges(
        graph.edges, features=graph.features, labels=graph.labels, node_ids=graph.node_ids, **splits
    )


def compare(fitted: NodeClassifier, removal: Removal, level: str, seed: int) -> dict[str, Any]:
    """Forget in a copy, fit anew on what remains, and tell whether the bytes are equal, and what both took."""
    from sklearn.base import clone

    model = copy.deepcopy(fitted)
    started = time.perf_counter()
    model.unlearn(removal, level=level)
    unlearnt = time.perf_counter()
    remains = shuffled(fitted.graph_.without(removal), seed)
    began = time.perf_counter()
    fresh = clone(fitted).fit_with(remains, fitted.choices_ if level == "frozen" else None)
    done = time.perf_counter()
    same = model.decision_function().tobytes() == fresh.decision_function().tobytes()
    return {
        "equal": model.digest() == fresh.digest() and same,
        "digest": model.digest(),
        "unlearn_s": unlearnt - started,
        "fit_s": done - began,
    }


def measure(name: str, graph: Graph, label: str, model: NodeClassifier, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield one row a configuration of a data set and a model."""
    from benchmarks.unlearning.requests import KINDS, draw_requests

    fitted = model.fit(graph)
    sizes = SIZES[:1] if quick else LARGE.get(name, SIZES)
    for number, (kind, size) in enumerate((kind, size) for kind in KINDS for size in sizes):
        removal = next(draw_requests(graph, kind, size, draws=1, seed=number))
        for level in LEVELS[number % 2 :][:1] if quick else LEVELS:
            found = compare(fitted, removal, level, seed=number)
            yield {"data": name, "model": label, "kind": kind, "size": size, "level": level} | found


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a data set and model, with counts and mean times."""
    counts = Counter((row["data"], row["model"]) for row in rows)
    out = []
    for (data, model), count in counts.items():
        own = [row for row in rows if (row["data"], row["model"]) == (data, model)]
        equal = sum(row["equal"] for row in own)
        means = {key: sum(row[key] for row in own) / count for key in ("unlearn_s", "fit_s")}
        out.append({"data": data, "model": model, "count": count, "equal": equal, "all": equal == count} | means)
    return out


def write(name: str, rows: list[dict[str, Any]], folder: Path | None) -> Path:
    """Write what there is so far."""
    from benchmarks.results import make_table, write_results

    equal = sum(row["equal"] for row in rows)
    title = f"Unlearning beside fresh fits: {equal:,} of {len(rows):,} configurations have equal bytes"
    note = (
        "Each configuration is a kind of removal (edges, nodes, labels, features, a subgraph), a size, a model and a "
        "level. The model forgets in a copy; a fresh estimator is fitted on what remains, nodes and edges in another "
        'order, under the choices kept where the level is "frozen". Digest and scores of all nodes are compared. '
        "Times are means, on one thread."
    )
    different = [row for row in rows if not row["equal"]]
    tables = [make_table("By data set and model", COLUMNS, summarise(rows), note)]
    each = [("data", "data"), ("model", "model"), ("kind", "removed"), ("size", "size", ",d"), ("level", "level")]
    if different:
        tables.append(make_table("Different bytes", each, different))
    by_kind = [
        {"kind": kind, "size": size, "level": level, "count": len(own), "equal": sum(row["equal"] for row in own)}
        for kind, size, level in dict.fromkeys((row["kind"], row["size"], row["level"]) for row in rows)
        if (own := [row for row in rows if (row["kind"], row["size"], row["level"]) == (kind, size, level)])
    ]
    tables.append(make_table("By kind of removal", [*each[2:], *COLUMNS[2:4]], by_kind))
    # All of them are in the JSON file, under columns that the page does not show.
    tables[0]["configurations"] = rows
    return write_results(name, title, tables, folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write, and return 1 if any bytes differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small generated graph: seconds")
    parser.add_argument("--data", nargs="+", default=DATA, metavar="NAME", help=f"default: {' '.join(DATA)}")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", default="identity", help="name of the results (default: identity)")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    rows: list[dict[str, Any]] = []
    target = None
    for data, graph in graphs(chosen.quick, chosen.data):
        for label, model in make_models().items():
            began, before = time.perf_counter(), len(rows)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                rows += measure(data, graph, label, model, chosen.quick)
            seconds = (time.perf_counter() - began) / (len(rows) - before)
            equal = sum(row["equal"] for row in rows)
            print(f"{equal}/{len(rows)} equal  {data}, {label}: {seconds:.2f} s a configuration", flush=True)
            target = write(chosen.name, rows, chosen.folder)
    print(f"{target} ({time.perf_counter() - started:.0f} s)")
    return 0 if all(row["equal"] for row in rows) else 1


if __name__ == "__main__":
    limit_threads(1)
    sys.exit(main())
