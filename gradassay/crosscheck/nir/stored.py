"""A graph as it is stored: kinds and fields, not yet checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Edge = tuple[str, str]
Stored = dict[str, "NDArray[Any] | str"]


@dataclass(frozen=True, eq=False)
class StoredNode:
    """The name, the kind, whether it lies in a graph within the graph, and the fields of a node."""

    name: str
    kind: str
    inner: bool
    fields: Stored

    def inside(self, graph: str) -> StoredNode:
        """Return the node as one of a graph within the graph."""
        return StoredNode(f"{graph}/{self.name}", self.kind, True, self.fields)


@dataclass(frozen=True, eq=False)
class StoredGraph:
    """Nodes and edges of a file."""

    nodes: list[StoredNode]
    edges: list[Edge]
