"""Reading a ``.nir`` file into a checked graph."""

from __future__ import annotations

from pathlib import Path

from gradassay.crosscheck.nir.decoding import as_identity, decode_node
from gradassay.crosscheck.nir.graph import Graph, build_graph
from gradassay.crosscheck.nir.isolation import read_stored
from gradassay.crosscheck.nir.nodes import Node
from gradassay.crosscheck.nir.stored import StoredGraph


def read_graph(path: Path | str, *, time_limit_s: float = 20.0) -> Graph:
    """Return the graph of a NIR file, with graphs within it flattened.

    Parameters
    ----------
    path : pathlib.Path or str
        An HDF5 file in the layout of the `nir` library: ``/version`` and ``/node``, which is a
        graph. Nothing but this file is read: links out of it are refused. ``metadata`` is skipped.
    time_limit_s : float
        Processor time of the process that reads the file.

    Returns
    -------
    Graph
        Checked: nodes, edges, shapes and cycles.

    Raises
    ------
    DataError
        The file is not there, no NIR file, damaged, too large or hostile; or its graph has a node
        that is not supported, an edge to nowhere, shapes that do not fit or a cycle without state.
    ConfigurationError
        A parameter that is not finite, or a time constant that is not above 0.
    UsageError
        h5py is not installed.

    Notes
    -----
    The HDF5 library loops or crashes on some damaged files, so a process of its own reads it; that
    costs a quarter of a second.
    """
    return checked_graph(read_stored(Path(path), time_limit_s))


def checked_graph(stored: StoredGraph) -> Graph:
    """Return the graph of stored nodes and edges, after all checks; errors as `read_graph`."""
    nodes: dict[str, Node] = {}
    for each in stored.nodes:
        node = decode_node(each.name, each.kind, each.fields)
        nodes[each.name] = as_identity(node) if each.inner else node
    return build_graph(nodes, stored.edges)
