"""The walk over a NIR file, run by itself in a process that may fail; see `isolation`."""

from __future__ import annotations

import io
import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gradassay.core.errors import DataError, GradassayError
from gradassay.crosscheck.nir.hdf5 import Reader, open_file
from gradassay.crosscheck.nir.limits import MAX_DEPTH, MAX_MEMORY_BYTES, MAX_NODES
from gradassay.crosscheck.nir.stored import Edge, Stored, StoredGraph, StoredNode

IGNORED = {"metadata", "type"}
Ports = dict[str, tuple[list[str], list[str]]]


def walk_file(path: Path) -> StoredGraph:
    """Return the nodes as they are stored and the edges, with graphs within the graph flattened.

    Raises
    ------
    DataError
        The file is not there, no NIR file, damaged, too large or hostile; an edge goes nowhere.
    UsageError
        h5py is not installed.
    """
    with open_file(path) as (reader, root):
        top = reader.group(root, "node", "")
        kind = reader.text(top, "type", "/node")
        if kind != "NIRGraph":
            raise DataError(f"{path.name}: holds a {kind[:40]!r}; expected a NIRGraph.")
        return StoredGraph(*_walk_level(reader, top, "/node", 0))


def _walk_level(
    reader: Reader, group: Any, where: str, depth: int
) -> tuple[list[StoredNode], list[Edge]]:
    """Return the nodes and edges of a graph and of the graphs in it."""
    if depth > MAX_DEPTH:
        raise reader.refuse(repr(where), f"graphs nested over {MAX_DEPTH} deep.")
    nodes: list[StoredNode] = []
    edges: list[Edge] = []
    ports: Ports = {}
    inside = reader.group(group, "nodes", where)
    for name in reader.names(inside, f"{where}/nodes"):
        place = f"{where}/nodes/{name}"
        node = reader.group(inside, name, f"{where}/nodes")
        kind = reader.text(node, "type", place)
        if kind == "NIRGraph":
            inner, inner_edges = _walk_level(reader, node, place, depth + 1)
            ports[name] = _ports(name, inner)
            nodes += [each.inside(name) for each in inner]
            edges += [(f"{name}/{a}", f"{name}/{b}") for a, b in inner_edges]
        else:
            nodes.append(StoredNode(name, kind, False, _fields(reader, node, place)))
        if len(nodes) > MAX_NODES:
            raise reader.refuse(repr(place), f"more than {MAX_NODES:,} nodes in all.")
    known = {node.name for node in nodes} | set(ports)
    for edge in reader.pairs(group, "edges", where):
        edges.append(_joined(edge, known, ports))
    return nodes, edges


def _ports(name: str, inner: list[StoredNode]) -> tuple[list[str], list[str]]:
    """Return the full names of the inputs and outputs of a graph within the graph."""
    own = [node for node in inner if not node.inner]
    entries = [f"{name}/{node.name}" for node in own if node.kind == "Input"]
    return entries, [f"{name}/{node.name}" for node in own if node.kind == "Output"]


def _joined(edge: Edge, known: set[str], ports: Ports) -> Edge:
    """Return an edge with inner graphs replaced by their one output or input."""
    ends = []
    for name, side in zip(edge, (1, 0), strict=True):
        if name not in known or "/" in name:
            raise DataError(f"edge {edge[0]!r} -> {edge[1]!r}: there is no node {name!r}.")
        found = ports[name][side] if name in ports else [name]
        if len(found) != 1:
            what = f"{len(found)} {'outputs' if side else 'inputs'}"
            raise DataError(f"graph {name!r}: {what}; an edge to it needs exactly one.")
        ends.append(found[0])
    return ends[0], ends[1]


def _fields(reader: Reader, node: Any, where: str) -> Stored:
    """Return the stored fields of a node."""
    found: Stored = {}
    for name in reader.names(node, where):
        if name not in IGNORED:
            take = reader.text if reader.is_text(node, name) else reader.numbers
            found[name] = take(node, name, where)
    return found


def pack(graph: StoredGraph) -> bytes:
    """Return a stored graph as bytes: an ``.npz`` file with its list in JSON."""
    arrays: dict[str, Any] = {}
    rows = []
    for node in graph.nodes:
        fields: dict[str, Any] = {}
        for name, value in node.fields.items():
            if isinstance(value, str):
                fields[name] = value
                continue
            fields[name] = len(arrays)
            arrays[f"a{len(arrays)}"] = value
        rows.append([node.name, node.kind, node.inner, fields])
    text = json.dumps({"nodes": rows, "edges": graph.edges})
    buffer = io.BytesIO()
    np.savez(buffer, about=np.frombuffer(text.encode("utf-8"), np.uint8), **arrays)
    return buffer.getvalue()


def main(path: str, seconds: str) -> None:
    """Write the stored graph of a file, or its error as JSON, on the standard output."""
    limit = max(1, int(float(seconds)))
    for kind, most in (
        (resource.RLIMIT_CPU, limit),
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or most <= hard:
            resource.setrlimit(kind, (most, most))
    try:
        found = pack(walk_file(Path(path)))
    except GradassayError as error:
        found = json.dumps({"code": error.code, "message": str(error)}).encode()
    sys.stdout.buffer.write(found)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
