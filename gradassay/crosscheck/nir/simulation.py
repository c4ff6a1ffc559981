"""Running a graph step by step under a dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gradassay.core.errors import DataError, unknown_name
from gradassay.crosscheck.nir.dialect import Dialect
from gradassay.crosscheck.nir.graph import Graph
from gradassay.crosscheck.nir.limits import MAX_RECORD
from gradassay.crosscheck.nir.maps import apply_map
from gradassay.crosscheck.nir.neurons import DelayRun, NeuronRun
from gradassay.crosscheck.nir.nodes import Delay, Float, Input, Neuron, is_spiking


@dataclass(frozen=True, eq=False)
class Run:
    """What a run leaves, each of shape ``(T, *shape of the node)``.

    Parameters
    ----------
    outputs : mapping
        From the names of outputs to what arrived there.
    spikes, membrane : mapping
        From the names of spiking neurons; the potential is the one compared with the threshold,
        before the reset.
    """

    outputs: Mapping[str, Float]
    spikes: Mapping[str, Float]
    membrane: Mapping[str, Float]


def run_graph(graph: Graph, inputs: ArrayLike | Mapping[str, ArrayLike], dialect: Dialect) -> Run:
    """Return outputs, spikes and membrane potentials of a run.

    At each step nodes run in the graph's order. A recurrent edge carries the value of the step
    before, which is 0 at the first.

    Parameters
    ----------
    graph : Graph
        As read or built.
    inputs : array or mapping, shape (T, *shape of the input)
        One array where the graph has one input; by name otherwise. A trailing axis of one may be
        left out.
    dialect : Dialect
        All choices that NIR leaves open.

    Raises
    ------
    DataError
        An input of another shape, not finite, missing, or too long to record; a value that
        overflows.
    UsageError
        An input that the graph does not have.
    ConfigurationError
        A delay too long to hold.

    Notes
    -----
    NumPy float64; bitwise repeatable on one machine.
    """
    given = _checked_inputs(graph, inputs)
    steps = len(next(iter(given.values())))
    spiking = [name for name in graph.order if is_spiking(graph.nodes[name])]
    recorded = {name: _room(graph, name, steps) for name in (*graph.outputs, *spiking)}
    membrane = {name: np.empty_like(recorded[name]) for name in spiking}
    running = _running(graph, dialect)
    forward = _edges_into(graph, recurrent=False)
    backward = _edges_into(graph, recurrent=True)
    past = {source: np.zeros(graph.shapes[source]) for source, _ in graph.recurrent}
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            values: dict[str, Float] = {}
            for name in graph.order:
                if isinstance(graph.nodes[name], Input):
                    values[name] = given[name][t]
                    continue
                arriving = [values[source] for source in forward.get(name, ())]
                arriving += [past[source] for source in backward.get(name, ())]
                values[name] = _value(graph, name, sum_of(arriving), running, dialect)
            past = {source: values[source] for source in past}
            for name, room in recorded.items():
                room[t] = values[name]
            for name, room in membrane.items():
                run = running[name]
                room[t] = run.membrane if isinstance(run, NeuronRun) else np.nan
    _require_finite(recorded | {f"{name} (potential)": each for name, each in membrane.items()})
    outputs = {name: recorded[name] for name in graph.outputs}
    return Run(outputs, {name: recorded[name] for name in spiking}, membrane)


def sum_of(values: list[Float]) -> Float:
    """Return the sum, in order."""
    total = values[0]
    for each in values[1:]:
        total = total + each
    return total


def _value(
    graph: Graph,
    name: str,
    arriving: Float,
    running: Mapping[str, NeuronRun | DelayRun],
    dialect: Dialect,
) -> Float:
    """Return what a node gives at this step."""
    if name in running:
        return running[name].step(arriving)
    return apply_map(graph.nodes[name], arriving, dialect.conventions.comparison)


def _running(graph: Graph, dialect: Dialect) -> dict[str, NeuronRun | DelayRun]:
    """Return the states of all nodes that have one, before the first step."""
    found: dict[str, NeuronRun | DelayRun] = {}
    for name, node in graph.nodes.items():
        if isinstance(node, Neuron):
            found[name] = NeuronRun(node, dialect, graph.shapes[name])
        elif isinstance(node, Delay):
            found[name] = DelayRun(node, dialect, graph.shapes[name])
    return found


def _edges_into(graph: Graph, *, recurrent: bool) -> dict[str, list[str]]:
    """Return what feeds each node, in the order of the edges."""
    found: dict[str, list[str]] = {}
    for edge in graph.edges:
        if (edge in graph.recurrent) == recurrent:
            found.setdefault(edge[1], []).append(edge[0])
    return found


def _room(graph: Graph, name: str, steps: int) -> Float:
    """Return an array for all values of a node."""
    shape = (steps, *graph.shapes[name])
    if np.prod([float(each) for each in shape]) > MAX_RECORD:
        raise DataError(f"input: {steps:,} steps of node {name!r}; too many to record.")
    return np.empty(shape)


def _checked_inputs(graph: Graph, inputs: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, Float]:
    """Return the inputs by name, all of one length."""
    if not isinstance(inputs, Mapping):
        if len(graph.inputs) != 1:
            names = ", ".join(map(repr, graph.inputs))
            raise DataError(f"input: one array for {len(graph.inputs)} inputs; name them: {names}.")
        inputs = {graph.inputs[0]: inputs}
    for name in inputs:
        if name not in graph.inputs:
            raise unknown_name("input", name, graph.inputs)
    missing = [name for name in graph.inputs if name not in inputs]
    if missing:
        raise DataError(f"input: nothing for {missing[0]!r}; expected an array for each input.")
    given = {name: _checked_input(graph, name, inputs[name]) for name in graph.inputs}
    lengths = {len(each) for each in given.values()}
    if len(lengths) != 1:
        raise DataError(f"input: lengths {sorted(lengths)}; expected the same number of steps.")
    return given


def _checked_input(graph: Graph, name: str, values: ArrayLike) -> Float:
    """Return one input in float64."""
    found, shape = np.asarray(values), graph.shapes[name]
    if found.dtype.kind not in "fiub":
        raise DataError(f"input {name!r}: {found.dtype} values; expected real numbers.")
    if shape == (1,) and found.ndim == 1:
        found = found[:, None]
    if found.ndim != len(shape) + 1 or found.shape[1:] != shape or len(found) == 0:
        wanted = ", ".join(["T", *map(str, shape)])
        raise DataError(f"input {name!r}: shape {found.shape}; expected ({wanted}).")
    if not np.isfinite(found).all():
        raise DataError(f"input {name!r}: not finite; expected finite numbers.")
    return found.astype(np.float64)


def _require_finite(records: Mapping[str, Float]) -> None:
    """Raise where the run left finite numbers behind."""
    for name, values in records.items():
        fine = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not fine.all():
            step = int(np.argmin(fine))
            problem = f"not finite from step {step} on"
            raise DataError(f"node {name!r}: {problem}; is dt too large for its time constants?")
