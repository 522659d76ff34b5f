"""The tables of the kernel benchmark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.data import arxiv, small_graph
from benchmarks.kernels.crossover import SHARES, call_crossover, hop_crossover
from benchmarks.kernels.hop import footprint_table, hop_table
from benchmarks.kernels.solves import gram_table, solve_table
from benchmarks.kernels.startup import startup_tables
from benchmarks.results import Table, write_results
from oubli.models import SGCRidge

BATCHES = (300, 1000, 2000, 4000, 8000, 16000)


def run(name: str, quick: bool, generated: bool, threads: int, folder: Path | None) -> Path:
    """Measure all kernels and write the results."""
    graph = small_graph() if generated else arxiv()
    draws = 3 if quick else 20
    model = SGCRidge().fit(graph)
    tables: list[Table] = []
    shape = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {graph.num_features} columns"
    title = f"Kernels: {'a generated graph' if generated else 'ogbn-arxiv'} ({shape})"

    def keep(*found: Table) -> Path:
        """Write what there is so far: a run that is cut short leaves its tables."""
        print(*(table["title"] for table in found), sep="\n", flush=True)
        tables.extend(found)
        return write_results(name, title, tables, folder)

    keep(hop_table(graph, draws, threads))
    keep(gram_table(graph.train_nodes.size, graph.num_features, draws, threads))
    keep(solve_table((33, 129) if generated else (129, 385, 1025), draws, threads))
    keep(hop_crossover(model, max(3, draws // 3), SHARES[::4] if quick else SHARES))
    batches = (20, 200) if generated else BATCHES[1:3] if quick else BATCHES
    models = {"SGCRidge()": model, 'SGCRidge(operator="symmetric")': SGCRidge(operator="symmetric").fit(graph)}
    for other in models.values():
        keep(call_crossover(other, batches, max(2, draws // 4)))
    models["SGCRidge(hops=1)"] = SGCRidge(hops=1).fit(graph)
    models["SGCRidge(normalize=None)"] = SGCRidge(normalize=None).fit(graph)
    keep(*startup_tables(5 if quick else 10))
    return keep(footprint_table(graph, models))
