"""Spiking residual networks without normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradassay.core.layers import (
    AvgPool,
    Conv2d,
    Flatten,
    Gain,
    Layer,
    Linear,
    MapShape,
    Scale,
    Spiking,
    Sum,
)
from gradassay.core.network import Network

# on each branch, before it is added to the stream
BRANCH_FACTOR = 0.2
# after each neuron, with standardised weights: OTTT's code
SPIKE_FACTOR = 2.74


def residual(
    input_shape: MapShape, blocks: Sequence[int], classes: int, *, width: int = 64, **options: Any
) -> Network:
    """Return a normalisation-free residual network with neurons before each convolution.

    The stream x of currents goes from block to block,

        x <- shortcut + 0.2 * gain * conv2(neurons(conv1(neurons(x / beta))))

    with standardised weights and 2.74 after each neuron; ``beta^2`` is the variance that the stream
    has if each branch adds 0.2^2. The shortcut is x itself or, where the shape changes, a
    convolution with kernel 1 of the block's first spikes. Before the blocks: a convolution with
    kernel 7 and stride 2 and an average pool; after them: neurons, the mean over positions, the
    readout.

    Parameters
    ----------
    input_shape : tuple of int
        (channels, rows, columns) of the input.
    blocks : sequence of int
        Blocks in each stage; every stage but the first halves rows and columns and doubles the
        channels.
    classes : int
        Size of the readout.
    width : int
        Channels of the first stage.
    **options
        Further fields of `Network`.

    References
    ----------
    Brock, De and Smith, "Characterizing signal propagation to close the performance gap in
    unnormalized ResNets", 2021, of which this is the spiking form (Xiao et al., OTTT, 2022).
    """
    stem = Conv2d("stem", input_shape, width, 7, 2, 3, standardised=True)
    pool = AvgPool("pool", stem.output_shape)
    layers: list[Layer] = [stem, pool]
    shape, variance = pool.output_shape, 1.0
    for stage, count in enumerate(blocks):
        for number in range(count):
            name = f"stage{stage + 1}.{number + 1}"
            changes = number == 0 and stage > 0
            layers += _block(name, layers[-1].name, shape, variance, changes=changes)
            variance = BRANCH_FACTOR**2 + (1.0 if changes else variance)
            shape = _halved(shape) if changes else shape
    units = layers[-1].outputs
    mean = AvgPool("last.pool", shape, min(shape[1:]))
    layers += [
        Spiking("last.lif", units),
        Scale("last.scale", units, SPIKE_FACTOR),
        mean,
        Flatten("flatten", mean.output_shape),
        Linear("readout", mean.outputs, classes),
    ]
    return Network(tuple(layers), **options)


def _halved(shape: MapShape) -> MapShape:
    """Return the shape after a stage's first block."""
    channels, rows, columns = shape
    return (2 * channels, (rows + 1) // 2, (columns + 1) // 2)


def _block(
    name: str, stream: str, shape: MapShape, variance: float, *, changes: bool
) -> list[Layer]:
    """Return the layers of one block; its last one is the sum that goes on."""
    after, stride = (_halved(shape), 2) if changes else (shape, 1)
    spikes = f"{name}.scale1"
    first = Conv2d(f"{name}.conv1", shape, after[0], 3, stride, 1, standardised=True, source=spikes)
    second = Conv2d(f"{name}.conv2", after, after[0], 3, 1, 1, standardised=True)
    units, shortcut = first.inputs, f"{name}.shortcut" if changes else stream
    projection = Conv2d(shortcut, shape, after[0], 1, 2, 0, standardised=True, source=spikes)
    return [
        Scale(f"{name}.beta", units, variance**-0.5, source=stream),
        Spiking(f"{name}.lif1", units),
        Scale(spikes, units, SPIKE_FACTOR),
        *([projection] if changes else []),
        first,
        Spiking(f"{name}.lif2", first.outputs),
        Scale(f"{name}.scale2", first.outputs, SPIKE_FACTOR),
        second,
        Gain(f"{name}.gain", second.outputs, 0.0),
        Scale(f"{name}.branch", second.outputs, BRANCH_FACTOR),
        Sum(f"{name}.sum", second.outputs, (shortcut, f"{name}.branch")),
    ]
