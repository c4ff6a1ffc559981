"""Operations and memory of an update in closed form, from sizes and numbers of spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradassay.core.errors import ConfigurationError
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel
from gradassay.cost.declared import Declared


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
    feedback_macs : float
        Of direct feedback.
    update_macs : float
        Of the weight gradients, biases not counted.
    feedback_update_macs : float
        Of learning the feedback weights.
    noise_draws : float
        Random numbers drawn.
    feedback_weight_bytes : float
        Feedback weights, which all samples share.
    trace_bytes : float
        What is kept of the forward pass until the gradient is made.
    state_bytes : float
        Membrane potentials, which the network needs whatever trains it.
    """

    forward_passes: float
    backward_passes: float
    forward_macs: float
    forward_acs: float
    backward_macs: float
    feedback_macs: float
    update_macs: float
    feedback_update_macs: float
    noise_draws: float
    feedback_weight_bytes: float
    trace_bytes: float
    state_bytes: float

    @property
    def operations(self) -> float:
        """All MACs and ACs, counted alike."""
        backward = self.backward_macs + self.feedback_macs
        updates = self.update_macs + self.feedback_update_macs
        return self.forward_macs + self.forward_acs + backward + updates


def closed_form(
    network: Network,
    signal: Declared,
    spikes: Mapping[str, float],
    *,
    input_spikes: float | None = None,
    value_bytes: int = 4,
) -> Cost:
    """Return the cost of one update of one sample over all T steps.

    With n_0 inputs, n_1 to n_N spiking units and n_{N+1} = m outputs, for each step:

        forward    ACs: spikes of layer l times n_{l+1};  MACs: n_0 n_1, noise n_l n_{l+1}
        backward   sum_{l=2..N+1} n_l n_{l-1}    (down to the first hidden layer's output)
        feedback   sum_l m n_l                   (direct)
        update     sum_{l=1..N+1} n_l n_{l-1};   feedback weights sum_l m n_l where learnt

    Parameters
    ----------
    network : Network
        Sizes, T, and whether neurons are smooth (then activities are real-valued: MACs).
    signal : Declared
        Passes, noise and feedback of the estimator.
    spikes : mapping from spiking layer's name to float
        Spikes of one sample, over all steps and all forward passes.
    input_spikes : float or None
        Nonzero inputs of one sample, over all steps and all forward passes, where the input is a
        spike train; None where it is real-valued.
    value_bytes : int
        Bytes of a number; also of a stored spike.

    Raises
    ------
    ConfigurationError
        If the number of passes is not known.

    Notes
    -----
    Noise is taken to be injected in every forward pass, and drawn once. The first layer costs its
    products at each step, in the forward pass and in the update, also for a static input.

    Memory of an online method: one value for each presynaptic unit of each weighted layer, input
    and spikes (for the readout, the spikes themselves). Otherwise, all T steps of those and of the
    membrane potentials, from which the surrogate derivatives follow. Noise takes no memory: its
    stream can be drawn again. State: one membrane potential a neuron, stored after its reset.

    Examples
    --------
    >>> from gradassay.core.builders import fully_connected
    >>> from gradassay.core.claims import Passes
    >>> network = fully_connected(8, (6, 5), 3, steps=2)
    >>> spatial_bp = Declared(Passes(1, 1), online=True)
    >>> cost = closed_form(network, spatial_bp, spikes={"lif1": 4, "lif2": 2})
    >>> cost.forward_macs, cost.forward_acs, cost.backward_macs, cost.update_macs
    (96, 26, 90, 186)
    """
    if signal.passes is None:
        raise ConfigurationError(
            "passes: got None; expected the number of forward and backward passes. Claim"
            " Passes(forward, backward), or count them with CountingBackend."
        )
    steps, weights = network.steps, [layer.inputs * layer.outputs for layer in network.weighted]
    macs = _forward_macs(network, signal.noise, input_spikes) * signal.passes.forward
    direct = [matrix.entries for matrix in signal.feedback if matrix.direct]
    learnt = [matrix.entries for matrix in signal.feedback if matrix.learnt]
    units = sum(layer.units for layer in network.spiking)
    return Cost(
        forward_passes=signal.passes.forward,
        backward_passes=signal.passes.backward,
        forward_macs=macs,
        forward_acs=_forward_acs(network, spikes, input_spikes),
        backward_macs=signal.passes.backward * steps * sum(weights[1:]),
        feedback_macs=steps * sum(direct),
        update_macs=steps * sum(weights),
        feedback_update_macs=steps * sum(learnt),
        noise_draws=0 if signal.noise is None else units * _drawn_steps(signal.noise, steps),
        feedback_weight_bytes=value_bytes * sum(matrix.entries for matrix in signal.feedback),
        trace_bytes=value_bytes * _trace_values(network, units, online=signal.online),
        state_bytes=value_bytes * units,
    )


def _forward_macs(network: Network, noise: NoiseModel | None, input_spikes: float | None) -> int:
    """Return the products of one pass: of a real-valued input, of noise or smooth activities."""
    first, *others = network.weighted
    real_input = first.inputs * first.outputs if input_spikes is None else 0
    real_hidden = noise is not None or network.neuron.smooth
    hidden = sum(layer.inputs * layer.outputs for layer in others) if real_hidden else 0
    return network.steps * (real_input + hidden)


def _forward_acs(
    network: Network, spikes: Mapping[str, float], input_spikes: float | None
) -> float:
    """Return the accumulations of all passes: each spike times the units that it reaches."""
    first, *others = network.weighted
    acs = 0 if input_spikes is None else input_spikes * first.outputs
    if not network.neuron.smooth:
        pairs = zip(network.spiking, others, strict=True)
        acs += sum(spikes[below.name] * layer.outputs for below, layer in pairs)
    return acs


def _drawn_steps(noise: NoiseModel, steps: int) -> int:
    """Return the steps with a draw of their own: the first of each antithetic pair, or all."""
    return -(-steps // 2) if noise.pairing == "time" else steps


def _trace_values(network: Network, units: int, *, online: bool) -> int:
    """Return the numbers kept of the forward pass of one sample."""
    presynaptic = sum(layer.inputs for layer in network.weighted)
    return presynaptic if online else network.steps * (presynaptic + units)
