"""A checked graph: nodes, edges, the order in which they run, and what each gives."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradassay.core.errors import DataError
from gradassay.crosscheck.nir.nodes import STATEFUL, Input, Node, Output, Shape
from gradassay.crosscheck.nir.shapes import infer_shapes
from gradassay.crosscheck.nir.stored import Edge


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes by name, run in `order`; edges in `recurrent` carry the value of the step before.

    Parameters
    ----------
    nodes : mapping
        From names to nodes; those of an inner graph have its name and a slash in front.
    edges : tuple of pairs
        From and to; several into one node are summed.
    recurrent : frozenset of pairs
        Edges that close a cycle.
    order : tuple of str
        Every node after all that feed it by another edge; by name where that leaves a choice.
    shapes : mapping
        Of what each node gives, without time.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    recurrent: frozenset[Edge]
    order: tuple[str, ...]
    shapes: Mapping[str, Shape]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(n for n in self.order if isinstance(self.nodes[n], Input))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(n for n in self.order if isinstance(self.nodes[n], Output))

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the names of the nodes that feed a node."""
        return tuple(a for a, b in self.edges if b == name)


def build_graph(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> Graph:
    """Return the graph after all checks.

    Raises
    ------
    DataError
        No input or output, an edge to nowhere, twice or into an input, a node that nothing feeds,
        a cycle without state, or shapes that do not fit.
    """
    nodes, edges = dict(nodes), tuple(edges)
    _check_edges(nodes, edges)
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        after[source].append(target)
    for targets in after.values():
        targets.sort()
    _refuse_stateless_cycle(nodes, after)
    recurrent = frozenset(closing_edges(after, _starts(nodes)))
    order = _order(after, recurrent)
    forward = tuple(edge for edge in edges if edge not in recurrent)
    shapes = infer_shapes(nodes, order, forward, sorted(recurrent))
    return Graph(nodes, edges, recurrent, order, shapes)


def _check_edges(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> None:
    """Raise unless edges join nodes that are there, and every node is fed."""
    for kind in (Input, Output):
        if not any(isinstance(node, kind) for node in nodes.values()):
            raise DataError(f"graph: no {kind.__name__}; expected at least one.")
    fed: set[str] = set()
    for source, target in edges:
        for name in (source, target):
            if name not in nodes:
                raise DataError(f"edge {source!r} -> {target!r}: there is no node {name!r}.")
        if isinstance(nodes[target], Input):
            raise DataError(f"edge {source!r} -> {target!r}: an input cannot be fed.")
        if isinstance(nodes[source], Output):
            raise DataError(f"edge {source!r} -> {target!r}: an output feeds nothing.")
        fed.add(target)
    if len(set(edges)) != len(edges):
        twice = next(edge for edge in sorted(edges) if edges.count(edge) > 1)
        raise DataError(f"edge {twice[0]!r} -> {twice[1]!r}: there twice; state it once.")
    for name in sorted(set(nodes) - fed):
        if not isinstance(nodes[name], Input):
            raise DataError(f"node {name!r}: nothing feeds it; expected an edge to it.")


def _starts(nodes: Mapping[str, Node]) -> list[str]:
    """Return where a walk begins: inputs first, by name."""
    return sorted(nodes, key=lambda name: (not isinstance(nodes[name], Input), name))


def closing_edges(after: Mapping[str, list[str]], starts: Iterable[str]) -> list[Edge]:
    """Return the edges that close a cycle in a depth-first walk from the starts, by name.

    Examples
    --------
    >>> closing_edges({"in": ["lif"], "lif": ["out", "w"], "w": ["lif"], "out": []}, ["in"])
    [('w', 'lif')]
    """
    closing: list[Edge] = []
    done: set[str] = set()
    for start in starts:
        if start in done:
            continue
        path, walk = {start}, [(start, iter(after[start]))]
        while walk:
            name, rest = walk[-1]
            target = next(rest, None)
            if target is None:
                walk.pop()
                path.discard(name)
                done.add(name)
            elif target in path:
                closing.append((name, target))
            elif target not in done:
                path.add(target)
                walk.append((target, iter(after[target])))
    return closing


def _order(after: Mapping[str, list[str]], recurrent: frozenset[Edge]) -> tuple[str, ...]:
    """Return the nodes in topological order, the first by name among those that are ready."""
    waiting = dict.fromkeys(after, 0)
    for source, targets in after.items():
        for target in targets:
            waiting[target] += (source, target) not in recurrent
    ready = sorted(name for name, count in waiting.items() if count == 0)
    order: list[str] = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for target in after[name]:
            if (name, target) not in recurrent:
                waiting[target] -= 1
                if waiting[target] == 0:
                    heapq.heappush(ready, target)
    return tuple(order)


def _refuse_stateless_cycle(nodes: Mapping[str, Node], after: Mapping[str, list[str]]) -> None:
    """Raise if a cycle has no node with a state."""
    plain = {
        name: [target for target in targets if not isinstance(nodes[target], STATEFUL)]
        for name, targets in after.items()
        if not isinstance(nodes[name], STATEFUL)
    }
    closing = closing_edges(plain, sorted(plain))
    if closing:
        source, target = min(closing)
        names = [*_way(plain, target, source), target]
        shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
        cycle = " -> ".join(name if name == "..." else repr(name) for name in shown)
        raise DataError(f"cycle without a neuron or delay: {cycle}; its value is not defined.")


def _way(after: Mapping[str, list[str]], start: str, end: str) -> list[str]:
    """Return the names on a shortest way from a node to another."""
    before: dict[str, str] = {start: start}
    front = [start]
    while end not in before:
        reached = [(name, target) for name in front for target in after[name]]
        front = []
        for name, target in reached:
            if target not in before:
                before[target] = name
                front.append(target)
    way = [end]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]
