"""What the reference makes of a task, under the conventions that an implementation says it has."""

from __future__ import annotations

from typing import cast

import msgspec
import numpy as np
import torch

from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import REFERENCE, Conventions, Float, simulate, spikes_of
from gradassay.crosscheck.implementation import Answer, Profile, Task
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn.surrogate import surrogate_derivative
from gradassay.verify.oracles.autograd_network import Temporal
from gradassay.verify.oracles.autograd_oracle import as_tensor, autograd_gradient, mean_loss


def network_for(network: Network, profile: Profile) -> Network:
    """Return the network with an implementation's reset and surrogate derivative."""
    neuron = msgspec.structs.replace(
        network.neuron,
        reset=profile.conventions.reset,
        surrogate=profile.surrogate or network.neuron.surrogate,
    )
    return network.replace(neuron=neuron)


def expected_answer(task: Task, profile: Profile) -> Answer:
    """Return spikes, membrane potentials before the reset, outputs and the gradient wanted.

    By the reference where the conventions are its own but for the kind of reset; by `simulate` and
    torch autograd elsewhere.
    """
    if _is_of_the_reference(profile):
        trace = ReferenceBackend().forward(
            task.network, task.params, task.batch, record=frozenset({"membrane", "spikes"})
        )
        answer = Answer(dict(trace.spikes), dict(trace.membrane), trace.outputs)
    else:
        answer = simulated_answer(task, profile)
    if task.differentiated == "nothing":
        return answer
    gradient = expected_gradient(task, profile)
    return Answer(answer.spikes, answer.membrane, answer.outputs, gradient)


def _is_of_the_reference(profile: Profile) -> bool:
    """Return whether the reference has these conventions, whatever the kind of reset."""
    conventions = profile.conventions
    return conventions == Conventions(reset=conventions.reset) and not profile.reset_value


def simulated_answer(task: Task, profile: Profile) -> Answer:
    """Return the forward pass of neurons with any conventions.

    Parameters
    ----------
    task : Task
        Dense layers.
    profile : Profile
        Gives conventions and reset value.
    """
    neuron, values = task.network.neuron, task.inputs
    spikes, membrane = {}, {}
    for weighted, layer in zip(task.network.weighted, task.network.spiking, strict=False):
        current = _current(task, weighted.name, values)
        membrane[layer.name], values = simulate(
            current,
            profile.conventions,
            leak=neuron.leak,
            threshold=neuron.threshold,
            reset_value=profile.reset_value,
        )
        spikes[layer.name] = values
    return Answer(spikes, membrane, _current(task, task.network.readout.name, values))


def _current(task: Task, layer: str, values: Float) -> Float:
    """Return W s + b at every step."""
    current: Float = values @ np.asarray(task.params[f"{layer}.weight"]).T
    bias = task.params.get(f"{layer}.bias")
    return current if bias is None else current + bias


def expected_gradient(task: Task, profile: Profile) -> dict[str, Float]:
    """Return the gradient of the batch's mean loss, by torch autograd, float64.

    Parameters
    ----------
    task : Task
        What is differentiated, and by which rule.
    profile : Profile
        Conventions, and whether the gradient goes through the reset.
    """
    if task.differentiated != "through_time" or _is_of_the_reference(profile):
        temporal = cast("Temporal", task.differentiated)
        found = autograd_gradient(
            task.network,
            task.params,
            task.batch,
            temporal=temporal,
            reset_gradient=profile.reset_gradient and temporal == "through_time",
        )
        return {name: np.asarray(array) for name, array in found.items()}
    weights = {name: as_tensor(array).requires_grad_() for name, array in task.params.items()}
    outputs = unrolled_outputs(task, weights, profile)
    loss = mean_loss(task.network.loss, outputs, torch.tensor(task.targets))
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return {name: g.numpy() for name, g in zip(weights, gradients, strict=True)}


class _Spike(torch.autograd.Function):
    """Spikes of a membrane potential; on the way back the surrogate derivative."""

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx,
        membrane: torch.Tensor,
        neuron: Neuron,
        conventions: Conventions,
    ) -> torch.Tensor:
        """Return the spikes of a step."""
        context.save_for_backward(membrane)
        context.neuron = neuron  # type: ignore[attr-defined]
        spikes = spikes_of(membrane.detach().numpy(), neuron.threshold, conventions)
        return torch.as_tensor(spikes, dtype=membrane.dtype)

    @staticmethod
    def backward(context, slope):  # type: ignore[no-untyped-def]
        """Return the slope times psi."""
        (membrane,) = context.saved_tensors
        return slope * surrogate_derivative(context.neuron, membrane), None, None


def spike(
    membrane: torch.Tensor, neuron: Neuron, conventions: Conventions = REFERENCE
) -> torch.Tensor:
    """Return differentiable spikes of a step.

    Parameters
    ----------
    membrane : tensor
        u.
    neuron : Neuron
        Threshold V and surrogate derivative.
    conventions : Conventions
        Comparison, and whether there can be several.
    """
    found: torch.Tensor = _Spike.apply(membrane, neuron, conventions)  # type: ignore[no-untyped-call]
    return found


def unrolled_outputs(
    task: Task, weights: dict[str, torch.Tensor], profile: Profile
) -> torch.Tensor:
    """Return the outputs (T, B, m) of a plain loop, in autograd's graph.

    Parameters
    ----------
    task : Task
        Dense layers.
    weights : mapping from name to tensor
        The parameters.
    profile : Profile
        Gives conventions and reset value, and whether the spikes that reset stay in the graph.
    """
    neuron, values, conventions = task.network.neuron, as_tensor(task.inputs), profile.conventions
    for weighted in task.network.weighted[:-1]:
        current = values @ weights[f"{weighted.name}.weight"].T
        current = current + weights.get(f"{weighted.name}.bias", torch.zeros(1))
        u, spikes = torch.zeros_like(current[0]), list[torch.Tensor]()
        for step in range(len(current)):
            before = step - 1 - conventions.lag
            fired = spikes[before] if before >= 0 else torch.zeros_like(u)
            fired = fired if profile.reset_gradient else fired.detach()
            u = _charged(neuron, profile, u, fired, current[step])
            spikes.append(spike(u, neuron, conventions))
        values = torch.stack(spikes)
    readout = task.network.readout.name
    outputs: torch.Tensor = values @ weights[f"{readout}.weight"].T
    return outputs + weights.get(f"{readout}.bias", torch.zeros(1))


def _charged(
    neuron: Neuron, profile: Profile, u: torch.Tensor, fired: torch.Tensor, current: torch.Tensor
) -> torch.Tensor:
    """Return u[t], as the table of `Conventions` has it."""
    conventions = profile.conventions

    def reset(v: torch.Tensor) -> torch.Tensor:
        if conventions.reset == "soft":
            return v - neuron.threshold * fired
        if conventions.reset == "hard":
            return v * (1 - fired) + profile.reset_value * fired
        return v

    if conventions.reset_before == "leak":
        return neuron.leak * reset(u) + current
    return reset(neuron.leak * u + current)
