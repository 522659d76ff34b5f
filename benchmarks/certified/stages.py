"""The stages of the certified benchmark, in turn over the data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.certified import adversarial, batches, bounds, halves, lazy, noise, sequence, settings, standard
from benchmarks.certified.figure import draw_figure
from benchmarks.certified.tables import Results
from benchmarks.unlearning.settings import fit_compiled

MEASURES = {
    "batches": batches.measure,
    "standard": standard.measure,
    "sequence": sequence.measure,
    "bounds": bounds.measure,
    "lazy": lazy.measure,
    "adversarial": adversarial.measure,
    "halves": halves.measure,
    "noise": noise.measure,
}


def run(
    stages: Mapping[str, Sequence[str] | None],
    data: Sequence[str] | None,
    missing: bool,
    quick: bool,
    name: str,
    folder: Path | None,
) -> Path:
    """Run stages on the data sets of each, of which `data` are wanted, and write after each."""
    settings.quiet()
    results, target = Results(name, folder), Path()
    known = data or settings.available()
    if unknown := [each for each in known if each not in (*settings.GRAPHS, "generated")]:
        raise SystemExit(f"no data set is called {unknown[0]}; there are {', '.join(settings.GRAPHS)}")
    for each in known:
        graph = settings.load(each)
        fit_compiled(settings.make_model(graph, "output", 1e-2, 1.0), graph)
        if not results.of("settings", each) or ("settings" in stages and not missing):
            target = results.put("settings", each, settings.choose(each, graph, quick))
        for stage, sets in stages.items():
            if stage == "settings" or (each != "generated" and sets is not None and each not in sets):
                continue
            if missing and results.of(stage, each):
                continue
            print(f"{stage}: {each}", flush=True)
            rows = MEASURES[stage](each, graph, results.of("settings", each), quick)
            target = results.put(stage, each, rows)
    if "bounds" in stages and results.rows["bounds"] and folder is None:
        draw_figure(results.rows["bounds"])
    return target
