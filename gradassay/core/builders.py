"""Named networks: from ``fc-800-800`` or ``conv5`` to a specification."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gradassay.core.errors import ConfigurationError, UsageError, is_whole
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Layer, Linear, MapShape, Scale, Spiking
from gradassay.core.network import Network
from gradassay.core.residual import SPIKE_FACTOR, residual

_FULLY_CONNECTED = re.compile(r"fc((?:-[1-9]\d{0,6})+)")
_TOKEN = re.compile(r"(?P<channels>[1-9]\d{0,4})C(?P<kernel>[1-9]\d?)|AP(?P<pool>[1-9]\d?)")

CONVOLUTIONAL: Mapping[str, str] = MappingProxyType(
    {
        "conv5": "128C3-AP2-256C3-AP2-512C3-AP2-512C3-FC",
        "conv9": "64C3-128C3-AP2-256C3-256C3-AP2-512C3-512C3-AP2-512C3-512C3-FC",
    }
)
RESIDUAL: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
)


def fully_connected(
    inputs: int, hidden: Sequence[int], classes: int, *, bias: bool = True, **options: Any
) -> Network:
    """Return a fully connected network: ``hidden1, lif1, hidden2, lif2, ..., readout``.

    Parameters
    ----------
    inputs, classes : int
        Sizes of the input and of the readout.
    hidden : sequence of int
        Sizes of the spiking layers.
    bias : bool
        Give every dense layer a bias.
    **options
        Further fields of `Network`: ``neuron``, ``steps``, ``loss``.
    """
    sizes = [inputs, *hidden]
    layers: list[Layer] = []
    for number, (before, units) in enumerate(itertools.pairwise(sizes), start=1):
        layers += [Linear(f"hidden{number}", before, units, bias), Spiking(f"lif{number}", units)]
    return Network((*layers, Linear("readout", sizes[-1], classes, bias)), **options)


def convolutional(
    input_shape: MapShape, plan: str, classes: int, *, standardised: bool = True, **options: Any
) -> Network:
    """Return a convolutional network from a plan such as ``32C3-AP2-64C3-AP2-FC``.

    Parameters
    ----------
    input_shape : tuple of int
        (channels, rows, columns) of the input.
    plan : str
        ``<channels>C<kernel>``: convolution with padding ``kernel // 2``, then neurons.
        ``AP<kernel>``: average pool. ``FC``, last: the readout.
    classes : int
        Size of the readout.
    standardised : bool
        Standardise the convolutions' weights, and multiply with 2.74 after each neuron.
    **options
        Further fields of `Network`.

    Raises
    ------
    UsageError
        If the plan has another form.
    ConfigurationError
        If the feature maps become smaller than a kernel.

    Examples
    --------
    >>> network = convolutional((1, 28, 28), "32C3-AP2-64C3-FC", 10, standardised=False)
    >>> [layer.name for layer in network.layers]
    ['conv1', 'lif1', 'pool1', 'conv2', 'lif2', 'flatten', 'readout']
    """
    tokens = plan.split("-")
    matches = [_TOKEN.fullmatch(token) for token in tokens[:-1]]
    if tokens[-1] != "FC" or not matches or not all(matches):
        raise UsageError(
            f"network: got {plan!r}; expected <channels>C<kernel> and AP<kernel>, then FC, for"
            " example 32C3-AP2-64C3-AP2-FC."
        )
    layers: list[Layer] = []
    shape, convolutions, pools = input_shape, 0, 0
    for match in filter(None, matches):
        if match["pool"]:
            pools += 1
            pool = AvgPool(f"pool{pools}", shape, int(match["pool"]))
            layers.append(pool)
            shape = pool.output_shape
            continue
        convolutions += 1
        channels, kernel = int(match["channels"]), int(match["kernel"])
        convolution = Conv2d(
            f"conv{convolutions}", shape, channels, kernel, 1, kernel // 2, True, standardised
        )
        layers += [convolution, Spiking(f"lif{convolutions}", convolution.outputs)]
        if standardised:
            layers.append(Scale(f"scale{convolutions}", convolution.outputs, SPIKE_FACTOR))
        shape = convolution.output_shape
    layers += [Flatten("flatten", shape), Linear("readout", math.prod(shape), classes)]
    return Network(tuple(layers), **options)


def network_named(name: str, inputs: int | MapShape, classes: int, **options: Any) -> Network:
    """Return the network of a given name for data of a given size.

    Parameters
    ----------
    name : str
        ``fc-N-N...``: fully connected, the sizes of the spiking layers from input to output.
        ``conv5``, ``conv9``, or a plan as in `convolutional`. ``resnet18``, ``resnet34``.
    inputs : int or tuple of int
        Features of the data, or (channels, rows, columns), which all but ``fc`` need.
    classes : int
        Classes of the data.
    **options
        As in `fully_connected`.

    Raises
    ------
    UsageError
        If the name has another form.
    ConfigurationError
        If the data has no image shape, or an image that is too small.

    Examples
    --------
    >>> network_named("fc-30-20", 64, 10).shapes["hidden2.weight"]
    (20, 30)
    >>> network_named("conv5", (3, 32, 32), 10).shapes["conv2.weight"]
    (256, 128, 3, 3)
    """
    _require_sizes(inputs, classes)
    match = _FULLY_CONNECTED.fullmatch(str(name))
    if match:
        features = inputs if isinstance(inputs, int) else math.prod(inputs)
        return fully_connected(
            features, [int(n) for n in match[1][1:].split("-")], classes, **options
        )
    build: Callable[[MapShape], Network]
    if name in RESIDUAL:
        build = lambda shape: residual(shape, RESIDUAL[name], classes, **options)  # noqa: E731
    elif name in CONVOLUTIONAL or _TOKEN.fullmatch(str(name).partition("-")[0]):
        plan = CONVOLUTIONAL.get(name, name)
        build = lambda shape: convolutional(shape, plan, classes, **options)  # noqa: E731
    else:
        known = ", ".join(sorted([*CONVOLUTIONAL, *RESIDUAL]))
        raise UsageError(
            f"network: got {name!r}; expected fc-N-N..., the sizes of the hidden layers, for"
            f" example fc-100-100; a plan such as 32C3-AP2-64C3-AP2-FC; or one of {known}."
        )
    if isinstance(inputs, int):
        raise ConfigurationError(
            f"network {name}: got {inputs} features; expected (channels, rows, columns) of images."
        )
    return build(inputs)


def _require_sizes(inputs: object, classes: object) -> None:
    """Refuse sizes of data that are none."""
    shape = inputs if isinstance(inputs, tuple | list) else (inputs,)
    if len(shape) not in (1, 3) or not all(map(is_whole, shape)):
        raise ConfigurationError(
            f"network inputs: got {inputs!r}; expected a number of features, or (channels, rows,"
            " columns)."
        )
    if not is_whole(classes):
        raise ConfigurationError(f"network classes: got {classes!r}; expected a whole number.")
