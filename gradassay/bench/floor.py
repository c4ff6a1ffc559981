"""The bare products of a training step: what no implementation on the same library can beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight

from gradassay.core.errors import ConfigurationError
from gradassay.core.layers import Conv2d, Linear, Weighted
from gradassay.core.network import Network

Product = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """Which products a method needs.

    Parameters
    ----------
    backward : bool
        The error goes down through the weights.
    direct : bool
        The error goes to each hidden layer through a matrix n x m.
    learnt : bool
        That matrix has an update from products of two arrays of the step.
    """

    backward: bool = False
    direct: bool = False
    learnt: bool = False


WORK = {
    "spatial_bp": Work(backward=True),
    "dfa": Work(direct=True),
    "opzo": Work(direct=True, learnt=True),
}


def floor_step(
    network: Network, samples: int, work: Work, dtype: torch.dtype, replicates: int = 1
) -> Product:
    """Return a call that does the products of one training step, and nothing else.

    Those of a static input's first layer once, all others for T steps at once; results go to
    memory that is there already where torch allows it. Of draws of R replicates on one batch, the
    products forward go together, that of the first layer once for all; gradients are a product for
    each.

    Parameters
    ----------
    network : Network
        Dense and convolutional layers with weights.
    samples : int
        B, static inputs.
    work : Work
        Of the method.
    dtype : torch.dtype
        Of all arrays.
    replicates : int
        R.

    Raises
    ------
    ConfigurationError
        If the network has a layer with other weights.
    """
    products = list(_products(network, samples, work, dtype, replicates))

    def step() -> None:
        with torch.no_grad():
            for product in products:
                product()

    return step


def _products(
    network: Network, samples: int, work: Work, dtype: torch.dtype, replicates: int
) -> Iterator[Product]:
    first = network.weighted[0]
    for layer in network.weighted:
        rows = samples if layer is first else samples * network.steps
        down = work.backward and layer is not first
        if isinstance(layer, Conv2d) and replicates == 1:
            yield from _convolutional(layer, rows, dtype, down=down)
        elif isinstance(layer, Linear):
            yield from _dense(layer, rows, dtype, replicates, once=layer is first, down=down)
        else:
            raise ConfigurationError(
                f"floor: got layer {layer.name!r}, a {type(layer).__name__}; expected dense and "
                "convolutional layers, dense ones alone for draws of replicates."
            )
    rows, classes = samples * network.steps, network.classes
    errors = _random((replicates, rows, classes), dtype)
    for population in network.spiking if work.direct else ():
        units, signal = population.units, _random((replicates, rows, population.units), dtype)
        yield _product(errors.flatten(0, 1), _random((classes, units), dtype), signal.flatten(0, 1))
        if work.learnt:
            # the narrow one first: several times as fast as the transpose of this
            into = _random((replicates, classes, units), dtype)
            yield _products_of(errors.mT, signal, into)


def _dense(
    layer: Weighted, rows: int, dtype: torch.dtype, replicates: int, *, once: bool, down: bool
) -> Iterator[Product]:
    """Yield the products of a dense layer: forward, weight gradient, and down where wanted."""
    values = _random((replicates, rows, layer.inputs), dtype)
    delta = _random((replicates, rows, layer.outputs), dtype)
    weight = _random((layer.outputs, layer.inputs), dtype)
    forward = slice(0, 1 if once else replicates)
    yield _product(values[forward].flatten(0, 1), weight.T, delta[forward].clone().flatten(0, 1))
    yield _products_of(delta.mT, values, weight.new_empty(replicates, *weight.shape))
    if down:
        yield _product(delta.flatten(0, 1), weight, torch.empty_like(values).flatten(0, 1))


def _convolutional(
    layer: Conv2d, rows: int, dtype: torch.dtype, *, down: bool
) -> Iterator[Product]:
    """Yield the same of a convolution."""
    images = _random((rows, *layer.input_shape), dtype)
    delta = _random((rows, *layer.output_shape), dtype)
    weight = _random(layer.weight_shape, dtype)
    given = (layer.stride, layer.padding)
    yield lambda: conv2d(images, weight, None, *given)
    yield lambda: conv2d_weight(images, weight.shape, delta, *given)  # type: ignore[no-untyped-call]
    if down:
        yield lambda: conv2d_input(images.shape, weight, delta, *given)  # type: ignore[no-untyped-call]


def _product(left: Tensor, right: Tensor, out: Tensor) -> Product:
    return lambda: torch.mm(left, right, out=out)


def _products_of(left: Tensor, right: Tensor, out: Tensor) -> Product:
    if len(left) == 1:
        return _product(left[0], right[0], out[0])
    return lambda: torch.bmm(left, right, out=out)


def _random(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
