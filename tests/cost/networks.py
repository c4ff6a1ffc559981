"""A network that several tests of costs share."""

from __future__ import annotations

from gradassay.core.layers import Conv2d, Flatten, Linear, MapShape, Scale, Spiking
from gradassay.core.network import Network


def strided(inputs: MapShape) -> Network:
    """Convolutions with strides and other paddings, no pool."""
    first = Conv2d("conv1", inputs, 3, kernel=3, stride=2, padding=1)
    second = Conv2d("conv2", first.output_shape, 2, kernel=2, stride=1, padding=0, bias=False)
    return Network(
        (
            first,
            Spiking("lif1", first.outputs),
            Scale("scale", first.outputs, 1.5),
            second,
            Spiking("lif2", second.outputs),
            Flatten("flatten", second.output_shape),
            Linear("readout", second.outputs, 3),
        ),
        steps=3,
    )
