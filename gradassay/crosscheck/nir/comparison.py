"""Comparing a run with spikes recorded elsewhere, and finding the dialect that explains them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gradassay.core.errors import DataError, GradassayError, UsageError, unknown_name
from gradassay.crosscheck.nir.dialect import PRESETS, Dialect, with_variations
from gradassay.crosscheck.nir.graph import Graph
from gradassay.crosscheck.nir.nodes import Float, Identity, is_spiking
from gradassay.crosscheck.nir.simulation import Run, run_graph


@dataclass(frozen=True)
class Divergence:
    """The first entry that differs: earliest step, then lowest neuron.

    Parameters
    ----------
    step, neuron : int
        Of our run, from 0; the neuron in C order.
    membrane : float
        Potential compared with the threshold in our run; not a number before its first step.
    ours, recorded : float
        Spikes.
    """

    step: int
    neuron: int
    membrane: float
    ours: float
    recorded: float


@dataclass(frozen=True)
class Explanation:
    """How well a dialect explains a recording.

    Parameters
    ----------
    dialect : Dialect
        Of our run.
    shift : int
        Steps by which the recording is later than our run.
    differing : int or None
        Entries that differ, of `entries`; None where the graph cannot be run under this dialect.
    first : Divergence or None
        Where the two part first.
    problem : str
        Why the graph cannot be run.
    """

    dialect: Dialect
    shift: int
    differing: int | None
    entries: int
    first: Divergence | None
    problem: str = ""


def recorded_node(graph: Graph, name: str | None = None) -> str:
    """Return the spiking node that a recording is of: the given one, or what feeds the output.

    Raises
    ------
    UsageError
        No node of this name, or one without spikes; several outputs, or one not fed by one neuron.
    """
    spiking = [each for each in graph.order if is_spiking(graph.nodes[each])]
    if name is not None:
        if name not in spiking:
            raise unknown_name("node", name, spiking)
        return name
    where = graph.outputs[0]
    while len(graph.outputs) == 1 and not is_spiking(graph.nodes[where]):
        sources = graph.sources(where)
        plain = where in graph.outputs or isinstance(graph.nodes[where], Identity)
        if len(sources) != 1 or not plain:
            break
        where = sources[0]
    if where not in spiking:
        names = ", ".join(map(repr, spiking[:10])) or "none"
        raise UsageError(f"--node: the output is not that of one spiking node; choose of {names}.")
    return where


def compare_runs(
    spikes: Float, membrane: Float, recorded: Float, shift: int = 0
) -> tuple[int, Divergence | None]:
    """Return the number of entries that differ and the first of them.

    Parameters
    ----------
    spikes, membrane, recorded : array, shape (T, n)
        Of our run, and the recording.
    shift : int
        ``recorded[t + shift]`` is compared with ``spikes[t]``. Our run is silent before its first
        step; what lies beyond the end of either is not compared.

    Examples
    --------
    >>> import numpy as np
    >>> ours, late = np.array([[0.0], [1.0], [0.0]]), np.array([[0.0], [0.0], [1.0]])
    >>> compare_runs(ours, ours, late)[0], compare_runs(ours, ours, late, shift=1)[0]
    (2, 0)
    """
    late, early = max(shift, 0), max(-shift, 0)
    left = np.concatenate([np.zeros((late, spikes.shape[1])), spikes[early:]])[: len(spikes)]
    right = recorded[: max(len(recorded) - early, 0)]
    differs = left != right
    places = np.argwhere(differs)
    if not len(places):
        return 0, None
    step, neuron = (int(each) for each in places[0])
    own = step - shift
    potential = float(membrane[own, neuron]) if own >= 0 else math.nan
    ours, theirs = float(left[step, neuron]), float(right[step, neuron])
    return int(differs.sum()), Divergence(own, neuron, potential, ours, theirs)


def explain(
    graph: Graph,
    inputs: ArrayLike,
    recorded: Float,
    node: str,
    *,
    dialects: Iterable[Dialect] | None = None,
    shifts: Iterable[int] = (0,),
) -> list[Explanation]:
    """Return how well dialects explain a recording, best first.

    Parameters
    ----------
    graph : Graph
        What was run.
    inputs : array, shape (T, *shape of the input)
        What it was given.
    recorded : array, shape (T, n)
        Spikes of `node`.
    node : str
        A spiking node.
    dialects : iterable of Dialect or None
        All presets and their variations where not given.
    shifts : iterable of int
        Steps by which the recording may be later.

    Returns
    -------
    list of Explanation
        Sorted by differing entries, then by the size of the shift; ties stay in the order of the
        dialects, presets first. For each dialect its best shift. Those that cannot run are last.
    """
    recorded = _checked_recording(graph, inputs, recorded, node)
    chosen = with_variations(PRESETS) if dialects is None else tuple(dialects)
    tried = sorted(set(shifts), key=lambda shift: (abs(shift), shift))
    found = [_explained(graph, inputs, recorded, node, dialect, tried) for dialect in chosen]
    return sorted(
        found,
        key=lambda each: (
            each.differing is None,
            each.differing or 0,
            abs(each.shift),
        ),
    )


def best(explanations: list[Explanation]) -> list[Explanation]:
    """Return the explanations that tie for the fewest differing entries."""
    least = explanations[0].differing if explanations else None
    return [each for each in explanations if each.differing == least and least is not None]


def explain_one(
    run: Run, node: str, recorded: Float, dialect: Dialect, shifts: list[int]
) -> Explanation:
    """Return how well one run explains a recording, at its best shift."""
    spikes, membrane = (
        each.reshape(len(each), -1) for each in (run.spikes[node], run.membrane[node])
    )
    results = [(shift, *compare_runs(spikes, membrane, recorded, shift)) for shift in shifts]
    shift, differing, first = min(results, key=lambda each: each[1])
    return Explanation(dialect, shift, differing, recorded.size, first)


def _checked_recording(graph: Graph, inputs: ArrayLike, recorded: Float, node: str) -> Float:
    """Return the recording after a check of its shape."""
    expected = (len(np.atleast_1d(np.asarray(inputs))), math.prod(graph.shapes[node]))
    if recorded.shape != expected:
        problem = f"shape {recorded.shape}; expected {expected}, steps by neurons."
        raise DataError(f"recording: {problem}")
    return recorded


def _explained(
    graph: Graph,
    inputs: ArrayLike,
    recorded: Float,
    node: str,
    dialect: Dialect,
    shifts: list[int],
) -> Explanation:
    """Return how well a dialect explains a recording, or why it cannot."""
    try:
        run = run_graph(graph, inputs, dialect)
    except GradassayError as error:
        return Explanation(dialect, 0, None, recorded.size, None, str(error))
    return explain_one(run, node, recorded, dialect, shifts)
