"""Connections of weighted layers: how many an output has, how many an input reaches, from where."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TypeAlias, assert_never

import numpy as np

from gradassay.core.layers import (
    AvgPool,
    Conv2d,
    Fixed,
    Flatten,
    Gain,
    Linear,
    Scale,
    Spiking,
    Sum,
    Weighted,
)
from gradassay.core.network import INPUT, Network

Reach: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def fan_in(layer: Weighted) -> int:
    """Return the connections of one output unit; those to a convolution's padding included."""
    return 1 if isinstance(layer, Gain) else layer.fan_in


def connections(layer: Weighted) -> int:
    """Return the products of a layer for one row and step: outputs times fan-in."""
    return layer.outputs * fan_in(layer)


@functools.lru_cache(maxsize=256)
def fan_out(layer: Weighted) -> Reach:
    """Return how many outputs each input unit reaches, shape (inputs,).

    At a convolution's borders, and between the positions of a stride, units reach fewer outputs.

    Examples
    --------
    >>> fan_out(Conv2d("conv", (1, 3, 3), 2)).reshape(3, 3)
    array([[ 8, 12,  8],
           [12, 18, 12],
           [ 8, 12,  8]])
    """
    if isinstance(layer, Gain):
        return np.ones(layer.inputs, dtype=np.int64)
    if isinstance(layer, Linear):
        return np.full(layer.inputs, layer.outputs, dtype=np.int64)
    rows, columns = (_positions(layer, axis) for axis in (1, 2))
    one_map = layer.channels * np.outer(rows, columns).reshape(-1)
    return np.tile(one_map, layer.input_shape[0])


def _positions(layer: Conv2d, axis: int) -> Reach:
    """Return, along one axis of the maps, how many positions of the kernel see each input."""
    side, padding = layer.input_shape[axis], layer.padding
    starts = layer.stride * np.arange(layer.output_shape[axis])
    seen = (starts[:, None] + np.arange(layer.kernel)).reshape(-1)
    padded = np.bincount(seen, minlength=side + 2 * padding)
    return padded[padding : padding + side]


def reach(network: Network, layer: Weighted) -> Mapping[str, Reach]:
    """Return what feeds a weighted layer through layers without weights.

    Returns
    -------
    mapping from name to array, shape (n,)
        By name of a spiking layer, of a weighted layer (a current) or ``"input"``: how many of the
        layer's outputs each of the n units reaches, pooling and scaling being folded into the
        weights.
    """
    reached = {network.sources(layer)[0]: fan_out(layer)}
    for above in reversed(network.layers):
        passed = _passed(network, above.name)
        if passed is None or above.name not in reached:
            continue
        through = _through(passed, reached[above.name])
        for source in network.sources(passed):
            reached[source] = reached[source] + through if source in reached else through
    return {name: reached[name] for name in _upstream(network, layer)}


def origins(network: Network, layer: Weighted) -> frozenset[str]:
    """Return the names of what feeds a weighted layer through layers without weights."""
    return frozenset(_upstream(network, layer))


def carries_spikes(network: Network, layer: Weighted, *, input_spikes: bool) -> bool:
    """Whether a weighted layer's clean input is made of spikes alone.

    Spikes that are pooled, scaled or added up are still spikes, with a weight. The activities of
    smooth neurons are not, nor are currents of other layers.

    Parameters
    ----------
    network, layer : Network, Linear, Conv2d or Gain
    input_spikes : bool
        Whether the network's input is a spike train.
    """
    spikes = not network.neuron.smooth
    return all(
        input_spikes if name == INPUT else spikes and _is_population(network, name)
        for name in origins(network, layer)
    )


def fed_by_neurons(network: Network) -> frozenset[str]:
    """Return the weighted layers that some spiking layer feeds through layers without weights."""
    return frozenset(
        layer.name
        for layer in network.weighted
        if any(_is_population(network, name) for name in origins(network, layer))
    )


def above_weights(network: Network) -> tuple[Weighted, ...]:
    """Return the weighted layers that have others below, for which an error goes through them."""
    reached: set[str] = set()
    found: list[Weighted] = []
    for layer in network.layers:
        below = any(name in reached for name in network.sources(layer))
        if isinstance(layer, Weighted):
            reached.add(layer.name)
            if below:
                found.append(layer)
        elif below:
            reached.add(layer.name)
    return tuple(found)


def population_above(network: Network, layer: str) -> str | None:
    """Return the first hidden spiking layer that a layer reaches; None where it reaches none."""
    reached = {layer}
    for candidate in network.layers:
        if any(name in reached for name in network.sources(candidate)):
            if candidate in network.spiking:
                return candidate.name
            reached.add(candidate.name)
    return None


def _is_population(network: Network, name: str) -> bool:
    return name != INPUT and isinstance(network.layer(name), Spiking)


def _passed(network: Network, name: str) -> Fixed | Sum | None:
    """Return the layer without weights of that name; None for what an origin is."""
    layer = None if name == INPUT else network.layer(name)
    return layer if isinstance(layer, Fixed | Sum) else None


def _upstream(network: Network, layer: Weighted) -> list[str]:
    """Return what feeds a weighted layer through layers without weights, in a fixed order."""
    waiting, seen, found = [*network.sources(layer)], set[str](), list[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        passed = _passed(network, name)
        if passed is None:
            found.append(name)
        else:
            waiting += reversed(network.sources(passed))
    return found


def _through(layer: Fixed | Sum, reached: Reach) -> Reach:
    """Return what each input of a layer without weights reaches, given that of its outputs."""
    match layer:
        case Flatten() | Scale() | Sum():
            return reached
        case AvgPool():
            return _through_pool(layer, reached)
        case _:
            assert_never(layer)


def _through_pool(layer: AvgPool, reached: Reach) -> Reach:
    """Return the same of a pool: every input of a square reaches what the square's mean does."""
    channels, rows, columns = layer.output_shape
    square = np.ones((layer.kernel, layer.kernel), dtype=np.int64)
    spread = np.kron(reached.reshape(channels, rows, columns), square)
    result = np.zeros(layer.input_shape, dtype=np.int64)
    result[:, : rows * layer.kernel, : columns * layer.kernel] = spread
    return result.reshape(-1)
