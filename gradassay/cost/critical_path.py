"""The longest chain of work that has to be done one after another, with unlimited parallelism.

One unit is the work of one weighted layer in one step: its product and the neurons behind it, a
product of the way down, a direct feedback product, or, at the end, a weight gradient. A layer at a
step waits for the layer below at the same step and for itself at the step before, so that a forward
pass of L layers and T steps takes L + T - 1 units. Passes of one update run side by side; feedback
weights are taken as they were before it.
"""

from __future__ import annotations

from gradassay.core.layers import Spiking, Weighted
from gradassay.core.network import Network
from gradassay.cost.connections import population_above
from gradassay.cost.declared import Declared
from gradassay.cost.locking import Locking


def sequential_depth(network: Network, signal: Declared, locks: Locking) -> int:
    """Return the units of work on the critical path of one update.

    With h the weighted layers on the longest way from the input to what a layer waits for, and p
    the products that make its signal once that is there (those of the weights on the longest way
    down to it, or 1 of direct feedback, and 1 of a local readout), the largest over layers of

        h + T - 1 + p + 1,      and T - 1 more where the signal goes back in time

    For L layers in a row: spatial backpropagation 2L + T - 1, through time 2L + 2T - 2, direct
    feedback L + T + 1, a loss times noise L + T.

    Parameters
    ----------
    network : Network
        Depth and T.
    signal : Declared
        Feedback weights.
    locks : Locking
        What each hidden layer waits for.
    """
    heights = _heights(network)
    back = network.steps - 1 if locks.back_in_time and not signal.in_weights else 0
    paths = [heights[network.output.name] + network.steps]  # the readout
    for layer, above in locks.waits_for.items():
        ready = heights[above or network.output.name] + network.steps - 1
        paths.append(ready + _signal_products(network, signal, locks, layer) + back + 1)
    return max(paths)


def _heights(network: Network) -> dict[str, int]:
    """Return the weighted layers on the longest way from the input up to each layer, itself too."""
    heights: dict[str, int] = {}
    for layer in network.layers:
        below = max(heights.get(name, 0) for name in network.sources(layer))
        heights[layer.name] = below + isinstance(layer, Weighted)
    return heights


def _signal_products(network: Network, signal: Declared, locks: Locking, layer: str) -> int:
    """Return the products between what a layer waits for and the derivative by its output."""
    if layer in locks.backward:
        return _way_down(network, through_neurons=True)[layer]
    products = _way_down(network, through_neurons=False)[layer]
    own = population_above(network, layer)
    direct = any(matrix.direct and matrix.layer == own for matrix in signal.feedback)
    read = locks.waits_for[layer]
    local = any(matrix.reads_out and matrix.layer == read for matrix in signal.feedback)
    return products + direct + local


def _way_down(network: Network, *, through_neurons: bool) -> dict[str, int]:
    """Return the weighted layers on the longest way down to each layer, from output or neurons."""
    longest: dict[str, int] = {}
    for layer in reversed(network.layers):
        ways = [
            isinstance(consumer, Weighted) + longest[consumer.name]
            for consumer in network.consumers(layer.name)
            if through_neurons or not isinstance(consumer, Spiking)
        ]
        longest[layer.name] = max(ways, default=0)
    return longest
