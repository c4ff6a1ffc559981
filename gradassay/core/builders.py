"""Named networks: from ``fc-800-800`` to a specification."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from gradassay.core.errors import UsageError
from gradassay.core.network import Layer, Linear, Network, Spiking

_FULLY_CONNECTED = re.compile(r"fc((?:-[1-9]\d{0,6})+)")


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


def network_named(name: str, inputs: int, classes: int, **options: Any) -> Network:
    """Return the network of a given name for data of a given size.

    Parameters
    ----------
    name : str
        ``fc-N-N...``: fully connected, the sizes of the spiking layers from input to output.
    inputs, classes : int
        Features and classes of the data.
    **options
        As in `fully_connected`.

    Raises
    ------
    UsageError
        If the name has another form.

    Examples
    --------
    >>> network_named("fc-30-20", 64, 10).shapes["hidden2.weight"]
    (20, 30)
    """
    match = _FULLY_CONNECTED.fullmatch(name)
    if not match:
        raise UsageError(
            f"network: got {name!r}; expected fc-N-N..., the sizes of the hidden layers,"
            " for example fc-100-100."
        )
    return fully_connected(inputs, [int(n) for n in match[1][1:].split("-")], classes, **options)
