"""Memory of an update in closed form: what is kept, for how long, and whether it grows with T."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradassay.core.network import Network
from gradassay.cost.declared import Declared


@dataclass(frozen=True)
class Memory:
    """Bytes of one update, besides the weights themselves.

    Parameters
    ----------
    feedback_weight_bytes : int
        Feedback weights, which all samples share.
    gradient_bytes : int
        The gradient that is added up over steps and samples, and what a pass adds to the feedback
        weights that are learnt; shared.
    state_bytes : int
        Membrane potentials of one sample, which the network needs whatever trains it.
    trace_bytes : int
        What is kept of the forward pass of one sample until the gradient is made.
    buffer_bytes : int
        What is made of one sample on the way to the gradient and thrown away after it.
    """

    feedback_weight_bytes: int
    gradient_bytes: int
    state_bytes: int
    trace_bytes: int
    buffer_bytes: int

    def total(self, samples: int = 1) -> int:
        """Return the bytes of an update of so many samples at once."""
        own = self.state_bytes + self.trace_bytes + self.buffer_bytes
        return self.feedback_weight_bytes + self.gradient_bytes + samples * own


def memory(network: Network, signal: Declared, *, value_bytes: int = 4) -> Memory:
    """Return the memory of an update.

    With n_l units of spiking layer l, x_l inputs and y_l outputs of weighted layer l, m outputs of
    the network, P parameters, p forward passes, and t = 1 for an online method, t = T otherwise, in
    numbers:

        state      p sum_l n_l
        trace      sum_l x_l;  not online: T (sum_l x_l + sum_l n_l)
        buffer     t ((1 + p) m + sum_l y_l + z),  z = sum_l n_l where noise is drawn for each unit
        gradient   P + entries of the feedback weights that are learnt

    Parameters
    ----------
    network : Network
        Sizes and T.
    signal : Declared
        Whether it is online, its noise and its feedback weights.
    value_bytes : int
        Bytes of a number; also of a stored spike.

    Notes
    -----
    The trace of an online method is one value for each presynaptic unit of each weighted layer,
    input and spikes (for the readout, the spikes themselves). Otherwise it is all T steps of those
    and of the membrane potentials, from which the surrogate derivatives follow. State: one membrane
    potential a neuron, stored after its reset. Buffer: outputs and errors, the derivative by the
    output of each weighted layer, and the noise, which meets the output or the loss after the pass.
    Noise on the weights is drawn again from its seed and makes no derivatives; without tangents, no
    trace is needed. A second pass needs a state and outputs of its own.

    Examples
    --------
    >>> from gradassay.core.builders import fully_connected
    >>> from gradassay.core.claims import Passes
    >>> network = fully_connected(8, (6, 5), 3, steps=10)
    >>> [memory(network, Declared(Passes(1, 1), online)).trace_bytes for online in (True, False)]
    [76, 1200]
    """
    units = sum(layer.units for layer in network.populations)
    passes = 1 if signal.passes is None else signal.passes.forward
    steps = 1 if signal.online else network.steps
    parameters = sum(math.prod(shape) for shape in network.shapes.values())
    learnt = sum(matrix.entries for matrix in signal.feedback if matrix.learnt)
    return Memory(
        feedback_weight_bytes=value_bytes * sum(matrix.entries for matrix in signal.feedback),
        gradient_bytes=value_bytes * (parameters + learnt),
        state_bytes=value_bytes * units * passes,
        trace_bytes=value_bytes * _trace_values(network, signal, units),
        buffer_bytes=value_bytes * steps * _made_each_step(network, signal, passes),
    )


def _made_each_step(network: Network, signal: Declared, passes: int) -> int:
    """Return the numbers made of one sample and step that the gradient is made from."""
    outputs = (1 + passes) * network.classes
    if signal.in_weights:
        return outputs
    noise = sum(layer.units for layer in network.spiking) if signal.noise is not None else 0
    return outputs + sum(layer.outputs for layer in network.weighted) + noise


def _trace_values(network: Network, signal: Declared, units: int) -> int:
    """Return the numbers kept of the forward pass of one sample."""
    if signal.in_weights and not (signal.passes and signal.passes.tangent):
        return 0
    presynaptic = sum(layer.inputs for layer in network.weighted)
    return presynaptic if signal.online else network.steps * (presynaptic + units)
