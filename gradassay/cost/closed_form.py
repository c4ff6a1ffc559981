"""Operations and memory of an update in closed form, from sizes and numbers of spikes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import Passes
from gradassay.core.errors import ConfigurationError
from gradassay.core.layers import Weighted
from gradassay.core.network import INPUT, Network
from gradassay.core.noise import NoiseModel
from gradassay.cost.connections import (
    Reach,
    above_weights,
    carries_spikes,
    connections,
    fed_by_neurons,
    origins,
    reach,
)
from gradassay.cost.declared import Declared, FeedbackMatrix
from gradassay.cost.memory import memory

Spikes = float | np.ndarray


@dataclass(frozen=True)
class Cost:
    """Cost of one update of one sample over all T steps; memory in bytes.

    Parameters
    ----------
    forward_passes, backward_passes : float
        Passes through the network.
    forward_macs, forward_acs : float
        Of the forward passes: products of real-valued inputs and noise, accumulations of spikes.
    backward_macs : float
        Of the error sent down layer by layer.
    tangent_macs : float
        Of tangents sent up layer by layer; 0 for most methods.
    feedback_macs : float
        Of direct feedback.
    update_macs : float
        Of the weight gradients, biases not counted.
    feedback_update_macs : float
        Of learning the feedback weights.
    noise_draws : float
        Random numbers drawn; of noise on the weights, which all samples share, those of the update.
    feedback_weight_bytes : float
        Feedback weights, which all samples share.
    trace_bytes, state_bytes, buffer_bytes, gradient_bytes : float
        As in `Memory`.
    """

    forward_passes: float
    backward_passes: float
    forward_macs: float
    forward_acs: float
    backward_macs: float
    tangent_macs: float
    feedback_macs: float
    update_macs: float
    feedback_update_macs: float
    noise_draws: float
    feedback_weight_bytes: float
    trace_bytes: float
    state_bytes: float
    buffer_bytes: float
    gradient_bytes: float

    @property
    def operations(self) -> float:
        """All MACs and ACs, counted alike."""
        forward = self.forward_macs + self.forward_acs + self.tangent_macs
        updates = self.update_macs + self.feedback_update_macs
        return forward + self.backward_macs + self.feedback_macs + updates


def closed_form(
    network: Network,
    signal: Declared,
    spikes: Mapping[str, Spikes],
    *,
    input_spikes: Spikes | None = None,
    value_bytes: int = 4,
) -> Cost:
    """Return the cost of one update of one sample over all T steps.

    With c_l the connections of weighted layer l, outputs times fan-in (n_l n_{l-1} of a dense
    layer), and m outputs of the network, for each step:

        forward    ACs: spikes times the outputs that they reach;  MACs: c_l where the input is
                   real-valued, and c_l of noise where spikes with noise arrive
        tangent    sum_l c_l   over the layers with other weighted layers below; over all of them
                   once more where the weights themselves move
        backward   sum_l c_l   over the layers with other weighted layers below
        feedback   sum_l m n_l                   (direct, n_l units of spiking layer l)
        update     sum_l c_l;   feedback weights sum_l m n_l where learnt

    Parameters
    ----------
    network : Network
        Sizes, T, and whether neurons are smooth (then activities are real-valued: MACs).
    signal : Declared
        Passes, noise and feedback of the estimator.
    spikes : mapping from hidden spiking layer's name to float or array, shape (n,)
        Spikes of one sample, over all steps and all forward passes; as an array, of each unit.
    input_spikes : float, array of shape (n,), or None
        Nonzero inputs of one sample, over all steps and all forward passes, where the input is a
        spike train; None where it is real-valued.
    value_bytes : int
        Bytes of a number; also of a stored spike.

    Raises
    ------
    ConfigurationError
        If the number of passes is not known, or numbers of spikes are lacking or impossible.

    Notes
    -----
    Noise is injected in the passes that are claimed noisy, and drawn once, whatever is replayed
    from its seed: on the weights once for the whole batch; paired over the batch, half of it (an
    even number of samples). The first layer costs its products at each step, in the forward pass
    and in the update, also for a static input.

    ACs are exact where neurons feed a dense layer. In a convolution a unit at the border reaches
    fewer outputs: a total number of spikes is taken as spread evenly; the spikes of each unit give
    the exact number. Pooling and sums are folded into the weights that follow, so that spikes that
    meet in a square count one by one: an upper bound of what `CountingBackend` counts, which is one
    AC for each connection of a mean that is not 0.

    Whatever the method, the error goes down through weighted layers that follow another one
    without neurons between (a residual branch's gain); a sum of methods does so once for each. A
    method whose noise is on the weights has neither that nor an update by products.

    Memory is that of `memory`.

    Examples
    --------
    >>> from gradassay.core.builders import fully_connected
    >>> from gradassay.core.claims import Passes
    >>> network = fully_connected(8, (6, 5), 3, steps=2)
    >>> spatial_bp = Declared(Passes(1, 1), online=True)
    >>> cost = closed_form(network, spatial_bp, spikes={"lif1": 4, "lif2": 2})
    >>> cost.forward_macs, cost.forward_acs, cost.backward_macs, cost.update_macs
    (96, 26.0, 90, 186)
    """
    if signal.passes is None:
        raise ConfigurationError(
            "passes: got None; expected the number of forward and backward passes. Claim"
            " Passes(forward, backward), or count them with CountingBackend."
        )
    steps, passes = network.steps, signal.passes
    kept = memory(network, signal, value_bytes=value_bytes)
    return Cost(
        forward_passes=passes.forward,
        backward_passes=passes.backward,
        forward_macs=steps * _forward_products(network, signal, passes, input_spikes),
        forward_acs=_forward_acs(network, spikes, input_spikes),
        backward_macs=steps * _backward_products(network, signal, passes),
        tangent_macs=steps * passes.tangent * _tangent_products(network, signal),
        feedback_macs=steps * sum(matrix.macs for matrix in signal.feedback),
        update_macs=0 if signal.in_weights else steps * _products(network.weighted),
        feedback_update_macs=steps * _learning_products(network, signal.feedback),
        noise_draws=_noise_draws(network, signal.noise),
        feedback_weight_bytes=kept.feedback_weight_bytes,
        trace_bytes=kept.trace_bytes,
        state_bytes=kept.state_bytes,
        buffer_bytes=kept.buffer_bytes,
        gradient_bytes=kept.gradient_bytes,
    )


def _products(layers: Iterable[Weighted]) -> int:
    return sum(connections(layer) for layer in layers)


def _forward_products(
    network: Network, signal: Declared, passes: Passes, input_spikes: Spikes | None
) -> int:
    """Return the products of real-valued inputs, and of noise on spikes, of one step."""
    noise, given = signal.noise, input_spikes is not None
    on_spikes = noise is not None and noise.position == "spike"
    noisy = fed_by_neurons(network) if on_spikes else frozenset[str]()
    spiking = {
        layer.name
        for layer in network.weighted
        if carries_spikes(network, layer, input_spikes=given)
    }
    real = _products(layer for layer in network.weighted if layer.name not in spiking)
    added = _products(layer for layer in network.weighted if layer.name in noisy & spiking)
    noisy_passes = passes.forward if passes.noisy is None else passes.noisy
    return passes.forward * real + noisy_passes * added


def _forward_acs(
    network: Network, spikes: Mapping[str, Spikes], input_spikes: Spikes | None
) -> float:
    """Return the accumulations of all passes: each spike times the outputs that it reaches."""
    given = input_spikes is not None
    sent = dict(spikes) if input_spikes is None else {**spikes, INPUT: input_spikes}
    _require_possible(sent)
    return sum(
        _arriving(_sent_by(name, sent), reached)
        for layer in network.weighted
        if carries_spikes(network, layer, input_spikes=given)
        for name, reached in reach(network, layer).items()
    )


def _sent_by(name: str, spikes: Mapping[str, Spikes]) -> Spikes:
    """Return the spikes of a layer, which have to be given."""
    if name not in spikes:
        raise ConfigurationError(
            f"spikes: got those of {sorted(spikes)}; expected those of {name} as well."
        )
    return spikes[name]


def _arriving(spikes: Spikes, reached: Reach) -> float:
    """Return spikes times the outputs that they reach: the units' own, or the mean over units."""
    if isinstance(spikes, np.ndarray):
        return float(spikes @ reached)
    return spikes * int(reached.sum()) / len(reached)


def _backward_products(network: Network, signal: Declared, passes: Passes) -> int:
    """Return the products of the error sent down, for one step."""
    swept = passes.backward * _products(above_weights(network))
    if signal.in_weights:
        return swept
    currents = {layer.name for layer in network.weighted}
    exact = _products(layer for layer in network.weighted if currents & origins(network, layer))
    return swept + max(0, signal.signals - passes.backward) * exact


def _tangent_products(network: Network, signal: Declared) -> int:
    """Return the products of the tangents of one pass, for one step."""
    carried = _products(above_weights(network))
    return carried + _products(network.weighted) if signal.in_weights else carried


def _learning_products(network: Network, feedback: Iterable[FeedbackMatrix]) -> int:
    """Return the outer products that feedback weights learn by, for one step."""
    total = 0
    for matrix in feedback:
        if matrix.learnt:
            stands_for = [layer for layer in network.weighted if layer.name == matrix.layer]
            total += matrix.entries if matrix.direct else _products(stands_for)
    return total


def _noise_draws(network: Network, noise: NoiseModel | None) -> float:
    """Return the numbers drawn: on the weights one a parameter, else one a unit and step."""
    if noise is None:
        return 0
    if noise.position == "weights":
        return sum(math.prod(shape) for shape in network.shapes.values())
    units, steps = sum(layer.units for layer in network.spiking), network.steps
    if noise.pairing == "time":  # an odd last step has a draw of its own
        steps = -(-steps // 2)
    return units * steps / 2 if noise.pairing == "batch" else units * steps


def _require_possible(given: Mapping[str, Spikes]) -> None:
    """Refuse numbers of spikes that are negative or not finite."""
    for name, numbers in given.items():
        values = np.asarray(numbers, dtype=float)
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ConfigurationError(
                f"spikes of {name}: got {numbers!r}; expected finite numbers of at least 0."
            )
