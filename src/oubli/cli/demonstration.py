"""The parts of ``oubli demo``: people and their request, what to look for on the disk, what forgetting costs."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oubli.graph import Graph, Removal
    from oubli.models import SGCRidge

RUN = 16  # bytes: four features in a row, which no other row has by chance


@dataclass(frozen=True)
class Story:
    """Who asks to be forgotten.

    Parameters
    ----------
    person : str
        Goes with all ties.
    ties : int
        How many those are.
    tie : pair of str
        Two people whose tie goes.
    private : str
        Whose features go.
    unlabelled : str
        Whose label goes.
    """

    person: str
    ties: int
    tie: tuple[str, str]
    private: str
    unlabelled: str

    def removal(self) -> Removal:
        """Return all of it as one request."""
        from oubli.graph import Removal

        return Removal(nodes=[self.person], edges=[self.tie], features=[self.private], labels=[self.unlabelled])


def people(size: int, seed: int) -> Graph:
    """Return a generated graph whose nodes have names."""
    from oubli.graph import Graph, generate_graph

    plain = generate_graph(num_nodes=size, num_classes=5, num_features=64, seed=seed)
    width = len(str(size - 1))
    names = [f"person-{node:0{width}}" for node in plain.node_ids.tolist()]
    splits = {
        name: [names[node] for node in getattr(plain, f"{name}_nodes").tolist()] for name in ("train", "val", "test")
    }
    edges = [(names[u], names[v]) for u, v in plain.edges.tolist()]
    return Graph.from_edges(edges, features=plain.features, labels=plain.labels, node_ids=names, **splits)


def cast(graph: Graph) -> Story:
    """Choose who asks: training nodes that do not know each other, the first with a handful of ties."""
    trained = graph.train_nodes.tolist()
    person = min(trained, key=lambda name: (abs(graph.degree(name) - 6), name))
    known = {person, *graph.neighbors(person).tolist()}
    private, unlabelled = [name for name in trained if name not in known][:2]
    known |= {private, unlabelled}
    tie = next((u, v) for u, v in graph.edges.tolist() if not known & {u, v})
    return Story(person, graph.degree(person), tie, private, unlabelled)


def traces(graph: Graph, story: Story) -> dict[str, list[bytes]]:
    """Return the bytes that would give the request away: a name in two encodings, and feature rows in pieces."""
    rows = graph.features[graph.slots([story.person, story.private])]
    pieces = [row.tobytes()[at : at + RUN] for row in rows for at in range(0, row.nbytes, RUN)]
    return {"name": [story.person.encode(), story.person.encode("utf-32-le")], "features": pieces}


def files_with(folder: Path, wanted: Iterable[bytes]) -> list[str]:
    """Return the names of the files in a folder that hold any of the byte strings."""
    listed = list(wanted)
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            if any(piece in content for piece in listed):
                found.append(file.name)
    return found


def with_weights(fitted: SGCRidge, weights: Any) -> SGCRidge:
    """Return a model with the data of one and the weights of another: what forgetting in the database alone leaves."""
    description, arrays = fitted.to_state()
    return type(fitted).from_state(description, arrays | {"weights": weights})


def costs(fitted: SGCRidge, draws: int, step: Callable[[], None]) -> dict[str, float]:
    """Return the median seconds of forgetting one person, and of fitting anew without that person, on one thread."""
    import numba

    from oubli.graph import Removal

    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    trained = fitted.graph_.train_nodes.tolist()
    forgetting, fitting = [], []
    for name in trained[:: max(1, len(trained) // draws)][:draws]:
        removal = Removal(nodes=[name])
        model, smaller = copy.deepcopy(fitted), fitted.graph_.without(removal)
        forgetting.append(_seconds(lambda model=model, removal=removal: model.unlearn(removal)))  # type: ignore[misc]
        again = type(fitted)(**fitted.get_params())
        fitting.append(_seconds(lambda again=again, smaller=smaller: again.fit(smaller)))  # type: ignore[misc]
        step()
    numba.set_num_threads(threads)
    return {"unlearn_seconds": statistics.median(forgetting), "refit_seconds": statistics.median(fitting)}


def certify(graph: Graph, person: str) -> dict[str, Any]:
    """Fit a certified model, forget a person, evaluate the certificate afresh; return what there is to tell."""
    from oubli.graph import Removal
    from oubli.guarantees.verification import holds
    from oubli.models import CertifiedClassifier

    def evaluate(**changed: Any) -> dict[str, Any]:
        arrays = model.to_state()[1] | changed
        values = type(model)(**model.get_params()).evaluated(model.graph_, arrays).evaluation()
        return values | {"holds": holds(values)}

    model = CertifiedClassifier(delta=min(1e-5, 0.1 / graph.train_nodes.size)).fit(graph)
    before = model.score()
    receipt = model.unlearn(Removal(nodes=[person]))
    return {
        "accuracy": {"before": before, "after": model.score()},
        "receipt": receipt.to_dict(),
        "odometer": model.odometer_.to_dict(),
        "evaluated": evaluate(),
        "untrained": evaluate(weights=0.0 * model.to_state()[1]["weights"]),
    }


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
