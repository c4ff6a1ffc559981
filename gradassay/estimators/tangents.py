"""Surrogate forward mode: how the outputs move with the spikes, or with the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.layers import Affine, Gain, Layer, Spiking, Sum, Weighted
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic
from gradassay.estimators.passes import Pass
from gradassay.estimators.temporal import Temporal, presynaptic_activity

# A tangent, or None where it is 0.
Tangent = Array | None


def node_tangent(observed: Pass, direction: Mapping[str, Array], temporal: Temporal) -> Array:
    """Return the tangent of the outputs where each hidden layer's spikes move along a direction.

    Parameters
    ----------
    observed : Pass
        A pass without noise.
    direction : mapping from spiking layer's name to array, shape (t, R*B, n)
        v, added to what the next layer receives.
    temporal : str
        ``local_bptt``: through the membrane potential in time, the reset held fixed; otherwise
        within each step.

    Returns
    -------
    array, shape (t, R*B, m)
    """

    def source(layer: Layer) -> Tangent:
        return direction.get(layer.name) if isinstance(layer, Spiking) else None

    return _outputs(observed, source, temporal)


def weight_tangent(observed: Pass, direction: Mapping[str, Array], temporal: Temporal) -> Array:
    """Return the tangent of the outputs where the parameters move along a direction.

    ``I'_l[t] = W'_l a_{l-1}[t] + b'_l c[t] + W_l r'_{l-1}[t]``, a and c the traces of the input and
    of the bias under the online rule, the input itself and 1 otherwise.

    Parameters
    ----------
    observed : Pass
        A pass without noise.
    direction : mapping from parameter's name to array, shape (R, *shape)
        v.
    temporal : str
        As in `node_tangent`.
    """

    def source(layer: Layer) -> Tangent:
        if not isinstance(layer, Weighted):
            return None
        seen = presynaptic_activity(observed.trace, layer.name, temporal, "clean")
        return _moved_current(observed, layer, direction, seen)

    return _outputs(observed, source, temporal)


def _moved_current(
    observed: Pass, layer: Weighted, direction: Mapping[str, Array], seen: Presynaptic
) -> Array:
    """Return ``W' a[t] + b' c[t]``."""
    backend = observed.backend
    if isinstance(layer, Gain):
        weight = direction[f"{layer.name}.weight"]
    else:
        weight = backend.weight_tangent(layer, observed.params, Params(direction))
    values = seen.values if seen.weights is None else seen.values[None, ...]
    moved = backend.apply(layer, weight, values)
    if seen.weights is not None:
        moved = moved * seen.weights[:, None, None]
    if f"{layer.name}.bias" in layer.shapes:
        moved = moved + _moved_bias(observed, layer, direction[f"{layer.name}.bias"], seen)
    return moved


def _moved_bias(observed: Pass, layer: Weighted, bias: Array, seen: Presynaptic) -> Array:
    """Return ``b' c[t]`` for every row and output unit."""
    xp = array_namespace(bias)
    samples = observed.batch.size
    units = xp.repeat(bias, layer.outputs // bias.shape[-1], axis=-1)
    rows = xp.repeat(units, samples, axis=0)
    return seen.bias[:, None, None] * rows[None, ...]


def _outputs(observed: Pass, source: Callable[[Layer], Tangent], temporal: Temporal) -> Array:
    """Carry tangents up the network; `source` gives what each layer adds to its own."""
    network, found = observed.network, dict[str, Tangent]()
    for layer in network.layers:
        parts = [found[name] for name in network.sources(layer) if name in found]
        moved = _added(parts)
        if moved is not None:
            moved = _through(observed, layer, moved, temporal)
        found[layer.name] = _added([moved, source(layer)])
    total = found[network.output.name]
    return observed.trace.outputs * 0 if total is None else total


def _added(parts: list[Tangent]) -> Tangent:
    """Return the sum of the tangents that are not 0."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    total = given[0]
    for part in given[1:]:
        total = total + part
    return total


def _through(observed: Pass, layer: Layer, moved: Array, temporal: Temporal) -> Array:
    """Return the tangent of a layer's output, given that of its input."""
    backend, params = observed.backend, observed.params
    if isinstance(layer, Spiking):
        if temporal == "local_bptt":
            moved = backend.membrane_tangent(
                observed.network.neuron, layer.name, observed.trace, moved, reset_gradient=False
            )
        return observed.trace.derivative[layer.name] * moved
    if isinstance(layer, Sum):
        return moved
    weight = None
    if isinstance(layer, Affine):
        weight = backend.weight(layer, params)
    elif isinstance(layer, Gain):
        weight = params[f"{layer.name}.weight"]
    return backend.apply(layer, weight, moved)
