"""The engine over many processes or machines: shards on the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from oubli.engines.base import Account, Engine, Recipe
from oubli.engines.dask.cluster import Cluster, SchedulerGoneError, WorkersLostError
from oubli.engines.dask.forgetting import Forgetting, Outcome
from oubli.engines.dask.partition import MAKERS, Partition, Way, check_partition
from oubli.engines.dask.shards import Shards, Traffic
from oubli.engines.dask.source import Source
from oubli.engines.dask.stored import StoredRows
from oubli.engines.memory import training_codes
from oubli.engines.workers import checked_workers
from oubli.errors import OubliError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.solve import ExactGram, keeps_rows

TRIES = 6
"""How often workers may be lost in one operation before it is given up."""

T = TypeVar("T")


class DaskEngine(Engine):
    """Rows in shards on the workers of a Dask cluster; the client keeps the graph and the sums.

    A shard is lost with its worker, and built again from the graph as it is after all removals so far. Only when all
    shards have carried a removal is it final: whatever fails before, the model is as it was.

    Parameters
    ----------
    workers : int or str, optional
        How many processes to start on this machine, one thread each, or the address of a scheduler. Without it, as many
        as there are cores.
    partitions : int, optional
        How many shards; without it, one a worker.
    partition : {"range", "metis"}, default "range"
        Ranges of nodes, or parts that METIS cuts, between which fewer rows travel (extra `dask`).
    why : str
        Why this engine, in a line.

    Attributes
    ----------
    traffic_ : Traffic
        Rows and bytes that shards sent one another in the last fit or removal, by hop.

    Examples
    --------
    >>> from oubli.engines.dask import DaskEngine
    >>> DaskEngine(workers=2, partitions=4)
    DaskEngine(workers=2, partitions=4, partition='range')
    """

    name = "dask"
    forgets_aside = True

    def __init__(
        self,
        workers: int | str | None = None,
        partitions: int | None = None,
        partition: Way = "range",
        why: str = "",
    ) -> None:
        super().__init__(why)
        self.workers = checked_workers(workers)
        check_partition(partition, partitions)
        self.partitions, self.partition = partitions, partition
        self.gram = None
        self._open: Cluster | None = None
        self._shards: Shards | None = None
        self._finalizer: Any = None
        self._source: Source

    def __repr__(self) -> str:
        return f"DaskEngine(workers={self.workers!r}, partitions={self.partitions}, partition={self.partition!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the cluster and of the shards on it; processes that were started here end."""
        self._shards = None
        if self._open is not None:
            self._finalizer.detach()
            self._open.close()
            self._open = None

    def own(self, graph: Graph) -> Graph:
        """Copy a graph for the client; one in a folder is mapped, and what changes is kept in memory."""
        self._source = Source.copy_of(graph)
        self.graph = self._source.graph
        return self.graph

    def fit(self, recipe: Recipe) -> Self:
        """Compute all hops and sums."""
        self.recipe = recipe
        self._codes = training_codes(self.graph)
        self._shards = self._make_shards()
        self.gram = None
        slots = self.training_slots()
        if keeps_rows(slots.size, recipe.columns(self.graph)):
            self._steadily(lambda shards: None)
        else:
            self.gram = self._steadily(self._summed)
        return self

    def forget(self, plan: RemovalPlan) -> Account:
        """Carry out a removal: in the shards, and when all have done so, in the graph and the sums."""
        count = int(self.class_counts.sum())
        try:
            outcome = self._steadily(lambda shards: self._attempt(shards, plan))
        except SchedulerGoneError as error:
            raise self._gone(error, "before this removal") from None
        except BaseException:
            # Taken back now rather than later; what cannot be is taken back before anything else is asked.
            with contextlib.suppress(OubliError, WorkersLostError):
                self._steadily(lambda shards: None)
            raise
        rows, path = outcome.rows, "local"
        if outcome.full_from is not None:
            rows = count
            path = f"hops from {outcome.full_from} on and the sums computed whole: the change reached too far"
        elif self.gram is None:
            path = "local; weights from the training rows"
        return Account(rows, outcome.reached, f"{path}; {self._parts_in_words()}")

    def embed(self, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return embedded rows, fetched from their shards."""
        return self._rows(slots, self.recipe.columns(self.graph), np.dtype(np.int32), "embed")

    def stored(self) -> dict[str, Any]:
        """Return messages and totals by name; rows are fetched as they are sliced."""
        kinds = self._present(self._shards).kinds
        assert kinds is not None
        shape = self.graph.index.ids.size, self.recipe.quantiser.width(self.graph.table)

        def rows(name: str, kind: np.dtype[Any]) -> StoredRows:
            return StoredRows(shape, kind, lambda slots: self._rows(slots, shape[1], kind, "rows", name))

        messages, totals = (np.dtype(kind) for kind in kinds)
        return {name: rows(name, messages if name == "messages" else totals) for name in _names(self.recipe)}

    def restore(self, graph: Graph, recipe: Recipe, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved: its rows go to the shards as they are."""
        self.graph, self.recipe, self._source = graph, recipe, Source(graph)
        self._codes = training_codes(graph)
        self.gram = recipe.saved_gram(graph, arrays)
        names = _names(recipe)
        shards = self._shards = self._make_shards()
        shards.kinds = arrays["messages"].dtype, arrays[names[-1]].dtype
        self._steadily(
            lambda shards: None, lambda part: {name: arrays[name][shards.partition.own(part)] for name in names}
        )
        return self

    def reconnect(self, workers: int | str | None = None) -> Self:
        """Go on with another cluster, after a scheduler went away: the shards are built there anew.

        Parameters
        ----------
        workers : int or str, optional
            As for the engine; without it, the same again.
        """
        kinds = None if self._shards is None else self._shards.kinds
        self.close()
        if workers is not None:
            self.workers = checked_workers(workers)
        self._shards = self._make_shards()
        self._shards.kinds = kinds
        self._steadily(lambda shards: None)
        return self

    def memory(self) -> dict[str, Any]:
        """Return the bytes of state of each shard, by what they are for, and the resident memory of each worker.

        Returns
        -------
        dict
            "shards": a list of dicts; "workers": bytes by address.
        """
        return self._steadily(lambda shards: shards.memory())

    @property
    def traffic_(self) -> Traffic:
        """Rows and bytes that shards sent one another in the last fit or removal."""
        return self._present(self._shards).traffic

    def _attempt(self, shards: Shards, plan: RemovalPlan) -> Outcome:
        shards.traffic = Traffic()
        forgetting = Forgetting(shards, self.graph, plan, self.gram is not None)
        outcome = forgetting.run()
        gone = distinct(plan.nodes, plan.labels)
        gram = self._sums_after(outcome, int(np.count_nonzero(self._codes[gone] >= 0)))
        self.graph.apply(plan)
        # From here on the removal holds, whatever becomes of the workers.
        self._codes[gone] = -1
        self.gram = gram
        self._source.note(plan)
        shards.committed = shards.latest
        with contextlib.suppress(OubliError, WorkersLostError):
            forgetting.confirm()
        return outcome

    def _sums_after(self, outcome: Outcome, gone: int) -> ExactGram | None:
        if self.gram is None or keeps_rows(int(self.gram.counts.sum()) - gone, self.recipe.columns(self.graph)):
            return None
        gram = self.recipe.empty_gram(self.graph)
        if outcome.full_from is None:
            gram.products, gram.sums, gram.counts = self.gram.products, self.gram.sums, self.gram.counts
        return outcome.add_to(gram)

    def _summed(self, shards: Shards) -> ExactGram:
        sums = list(shards.each(shards.parts, "sum_rows").values())
        return Outcome([], 1, sums).add_to(self.recipe.empty_gram(self.graph))

    def _rows(self, slots: NDArray[np.int64], columns: int, dtype: np.dtype[Any], *asked: str) -> NDArray[Any]:
        def fetch(shards: Shards) -> NDArray[Any]:
            out = np.empty((slots.size, columns), dtype)
            owners = shards.partition.owner(slots)
            places = {int(part): np.flatnonzero(owners == part) for part in distinct(owners)}
            found = shards.results({part: shards.ask(part, *asked, slots[at]) for part, at in places.items()})
            for part, at in places.items():
                out[at] = found[part]
            return out

        return self._steadily(fetch)

    def _steadily(self, operation: Callable[[Shards], T], saved: Callable[[int], Any] | None = None) -> T:
        """Do something with all shards in place; when workers are lost meanwhile, again once these are replaced."""
        shards = self._present(self._shards)
        try:
            for _ in range(TRIES):
                try:
                    shards.settle(self._builder, saved)
                    return operation(shards)
                except WorkersLostError as error:
                    shards.settled = False
                    shards.lose(error.keys)
        except SchedulerGoneError as error:
            raise self._gone(error) from None
        raise OubliError(
            f"dask: workers were lost {TRIES} times in a row; the model is as it was. See why they end (memory is the "
            "usual reason: use more workers, or workers with more of it) and try again"
        )

    def _builder(self, part: int) -> tuple[Any, ...]:
        """Return the function and arguments that build a shard of the graph as it is."""
        partition = self._present(self._shards).partition
        return self._source.build(partition, part, self.recipe, self._codes[partition.own(part)])

    def _make_shards(self) -> Shards:
        if self._open is None:
            self._open = self._connect()
            self._finalizer = weakref.finalize(self, self._open.close)
        cluster, workers = self._open, self._open.workers()
        self._source.settle_folder(
            lambda function, folder: cluster.results([cluster.submit(at, function, folder) for at in workers], workers)
        )
        parts = self.partitions or len(workers)
        return Shards(self._open, self._partitioned(parts), self.recipe)

    def _connect(self) -> Cluster:
        return Cluster(self.workers)

    def _partitioned(self, parts: int) -> Partition:
        table = self.graph.table
        width = self.recipe.quantiser.width(table)
        # What a row takes beside its arcs: features, messages and totals of two to four bytes a column.
        row_bytes = 4 * (table.shape[1] if table.dense is not None else 0) + width * (2 + 4 * self.recipe.hops)
        return MAKERS[self.partition](self.graph.adjacency, parts, 1 + row_bytes // 4)

    def _present(self, shards: Shards | None) -> Shards:
        if shards is None:
            raise OubliError(
                "the Dask engine is closed, and its shards are gone; call reconnect() of the engine to build them "
                "again, or load the model from where it was saved"
            )
        return shards

    def _gone(self, error: SchedulerGoneError, when: str = "") -> SchedulerGoneError:
        said = str(error).split(";")[0]
        as_it_was = f"the model is as it was {when}".rstrip()
        return SchedulerGoneError(
            f"{said}; {as_it_was}. Start one (`dask scheduler`, and workers with `dask worker ADDRESS`) and call "
            "reconnect(ADDRESS) of the model's engine, or load the model from where it was saved"
        )

    def _parts_in_words(self) -> str:
        parts = self._present(self._shards).partition.parts
        return f"in {parts} partition{'s' if parts > 1 else ''}"


def _names(recipe: Recipe) -> list[str]:
    return ["messages", *(f"totals_{hop}" for hop in range(1, recipe.hops + 1))]
