"""A removal over all shards, hop by hop, led by the client; nothing is final before the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oubli.engines.dask.carry import Report, Share
from oubli.engines.dask.partition import Partition
from oubli.engines.dask.shard import Sums
from oubli.engines.dask.shards import Shards
from oubli.errors import CapacityError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import push
from oubli.solve import ExactGram


@dataclass
class Outcome:
    """What a removal did in the shards.

    Attributes
    ----------
    reached : list of int
        Rows looked at, for each hop.
    full_from : int or None
        First hop that was computed whole.
    sums : list of Sums
        Of the shards that had part in it: what the sums gain; of all shards, and whole, where a hop was.
    """

    reached: list[int]
    full_from: int | None
    sums: list[Sums]

    @property
    def rows(self) -> int:
        """Training rows that changed or went."""
        return sum(one.rows for one in self.sums)

    def add_to(self, gram: ExactGram) -> ExactGram:
        """Add the sums to a gram.

        Raises
        ------
        CapacityError
            When a sum would leave int64.
        """
        for one in (sums.gram for sums in self.sums):
            if one is None:
                continue
            # No entry of a sum of squares is larger than the largest on its diagonal.
            if float(gram.products.diagonal(0, 1, 2).max()) + float(one.products.diagonal(0, 1, 2).max()) >= 2.0**63:
                raise CapacityError(
                    "gram: the sums of all shards leave the range of exact sums; lower fraction_bits or scale the "
                    "features down"
                )
            gram.products = gram.products + one.products
            gram.sums, gram.counts = gram.sums + one.sums, gram.counts + one.counts
        return gram


def shares(plan: RemovalPlan, partition: Partition) -> dict[int, Share]:
    """Return each part's share of a removal, of the parts that have one."""
    ends = partition.owner(plan.edges.ravel()).reshape(-1, 2)
    wiped, gone = plan.wiped, distinct(plan.nodes, plan.labels)
    wiped_by, gone_by = partition.owner(wiped), partition.owner(gone)
    return {
        int(part): Share(plan.edges[(ends == part).any(axis=1)], wiped[wiped_by == part], gone[gone_by == part])
        for part in distinct(ends.ravel(), wiped_by, gone_by)
    }


class Forgetting:
    """One attempt to carry out a removal.

    Parameters
    ----------
    shards : Shards
    graph : Graph
        As it is before the removal.
    plan : RemovalPlan
    sums : bool
        Whether sums are kept.
    """

    def __init__(self, shards: Shards, graph: Graph, plan: RemovalPlan, sums: bool) -> None:
        self.shards, self.graph, self.plan, self.sums = shards, graph, plan, sums
        self._attempt = shards.latest + 1
        self._outcome = Outcome([], None, [])

    def run(self) -> Outcome:
        """Carry the removal through all shards, but for the confirmation."""
        shards = self.shards
        shards.latest, shards.settled = self._attempt, False
        plan, adjacency, hops = self.plan, self.graph.adjacency, shards.recipe.hops
        soon = distinct(plan.wiped, plan.endpoints)
        sources = soon if shards.recipe.operator.rho or hops > 1 else plan.wiped
        nodes, arcs = self.graph.num_nodes, adjacency.num_arcs
        whole = self._prefers_whole(int(push.count_arcs(adjacency.count, sources)), arcs, nodes)
        reports = self._begin(whole)
        took_part = set(reports)
        nodes, arcs = nodes - plan.nodes.size, arcs - 2 * len(plan.edges)
        for hop in range(1, hops + 1):
            if whole or self._prefers_whole(sum(report.arcs for report in reports.values()), arcs, nodes):
                return self._finish_whole(hop, nodes)
            if not len(plan.edges) and not plan.wiped.size:
                break
            reports = shards.push(self._attempt, hop, reports)
            took_part |= set(reports)
            self._outcome.reached.append(sum(report.reached for report in reports.values()))
        return self._finish(took_part, False)

    def confirm(self) -> None:
        """Make it final: shards drop what they kept to take it back."""
        shards = self.shards
        shards.committed = self._attempt
        shards.each([part for part in shards.parts if shards.places[part] is not None], "settle", *self._marks())
        shards.settled = True

    def _marks(self) -> tuple[int, int]:
        return self.shards.committed, self.shards.latest

    def _begin(self, whole: bool) -> Mapping[int, Report]:
        shards, given = self.shards, shares(self.plan, self.shards.partition)
        return shards.results({p: shards.ask(p, "begin", self._attempt, share, whole) for p, share in given.items()})

    def _prefers_whole(self, arcs: int, all_arcs: int, nodes: int) -> bool:
        width = self.shards.recipe.quantiser.width(self.graph.table)
        return push.costs_more(arcs, len(self.plan.edges), all_arcs, nodes, width)

    def _finish_whole(self, hop: int, nodes: int) -> Outcome:
        self.shards.whole(self.shards.parts, hop, self._attempt)
        self._outcome.full_from = hop
        self._outcome.reached += [nodes] * (self.shards.recipe.hops + 1 - hop)
        return self._finish(set(self.shards.parts), True)

    def _finish(self, parts: set[int], whole: bool) -> Outcome:
        done: dict[int, Any] = self.shards.each(sorted(parts), "finish", self._attempt, whole, self.sums)
        self._outcome.sums = list(done.values())
        return self._outcome
