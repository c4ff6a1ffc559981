"""Implementations in torch: the loop over layers and steps, so that an adapter names its neuron."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from gradassay.core.errors import UsageError
from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Float
from gradassay.crosscheck.implementation import Answer, Profile, Task
from gradassay.crosscheck.scripts import Code
from gradassay.verify.oracles.autograd_oracle import mean_loss

DTYPES = {"float64": torch.float64, "float32": torch.float32}


class TorchImplementation(ABC):
    """Base of an adapter for a neuron written in torch.

    Attributes
    ----------
    name : str
        For people.
    profile : Profile
        What it says of itself.

    Examples
    --------
    A neuron of one's own:

    >>> class Mine(TorchImplementation):
    ...     name = "mine"
    ...     def make(self, neuron, units, dtype):
    ...         return neuron.leak
    ...     def step(self, node, current, state):
    ...         u = current if state is None else node * state + current
    ...         spikes = (u >= 1).to(u.dtype)
    ...         return spikes, u, u - spikes
    >>> from gradassay.crosscheck.problems import problems
    >>> Mine().run(problems(0)[0].task).spikes["lif1"].shape
    (8, 16, 30)
    """

    name: str
    profile: Profile = Profile()

    @abstractmethod
    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the neurons of one layer, at rest.

        Parameters
        ----------
        neuron : Neuron
            Leak, threshold, reset and surrogate derivative wanted.
        units : int
            Neurons.
        dtype : torch.dtype
            What to compute in.
        """

    @abstractmethod
    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor | None, Any]:
        """Return spikes, membrane potential and state of one step.

        Parameters
        ----------
        node : object
            From `make`.
        current : tensor, shape (B, n)
            Input of the step.
        state : object
            What the step before returned; None at the first.
        """

    def code(self, neuron: Neuron) -> Code | None:
        """Return the neuron as somebody would write it with the library alone; None if not known.

        Parameters
        ----------
        neuron : Neuron
            As in `make`.
        """
        return None

    def run(self, task: Task) -> Answer:
        """Return what becomes of a task; the gradient by autograd through the loop.

        Raises
        ------
        UsageError
            If the gradient of another rule than backpropagation through time is wanted.
        """
        if task.differentiated not in ("nothing", "through_time"):
            raise UsageError(f"{self.name}: has no {task.differentiated} rule.")
        dtype, neuron = DTYPES[task.precision], task.network.neuron
        weights = {n: torch.tensor(a, dtype=dtype).requires_grad_() for n, a in task.params.items()}
        values = torch.tensor(task.inputs, dtype=dtype)
        spikes, membrane, precision = {}, {}, ""
        pairs = zip(task.network.weighted, task.network.spiking, strict=False)
        for weighted, layer in pairs:
            node, state = self.make(neuron, layer.units, dtype), None
            current = dense(values, weights, weighted.name)
            steps, potentials = list[Tensor](), list[Tensor]()
            for arriving in current:
                fired, u, state = self.step(node, arriving, state)
                precision = str(fired.dtype).removeprefix("torch.")
                steps.append(fired.to(dtype))
                potentials += [] if u is None else [u]
            values = torch.stack(steps)
            spikes[layer.name] = as_float(values)
            if potentials:
                membrane[layer.name] = as_float(torch.stack(potentials))
        outputs = dense(values, weights, task.network.readout.name)
        gradient = {}
        if task.differentiated == "through_time":
            gradient = differentiated(task, outputs, weights)
        return Answer(spikes, membrane, as_float(outputs), gradient, precision)


def dense(values: Tensor, weights: dict[str, Tensor], layer: str) -> Tensor:
    """Return W s + b of every step.

    Parameters
    ----------
    values : tensor, shape (..., inputs)
        s.
    weights : mapping from name to tensor
        All parameters.
    layer : str
        Whose W and b.
    """
    return torch.nn.functional.linear(
        values, weights[f"{layer}.weight"], weights.get(f"{layer}.bias")
    )


def differentiated(task: Task, outputs: Tensor, weights: dict[str, Tensor]) -> dict[str, Float]:
    """Return the gradient of the batch's mean loss by autograd; 0 where it does not reach.

    Parameters
    ----------
    task : Task
        Gives loss and targets.
    outputs : tensor, shape (T, B, m)
        In autograd's graph.
    weights : mapping from name to tensor
        What is differentiated by.
    """
    loss = mean_loss(task.network.loss, outputs, torch.tensor(task.targets))
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    reached: list[Tensor | None] = list(found)
    return {
        name: as_float(torch.zeros_like(w) if g is None else g)
        for (name, w), g in zip(weights.items(), reached, strict=True)
    }


def as_float(tensor: Tensor) -> Float:
    """Return a float64 NumPy copy."""
    array: Float = tensor.detach().cpu().to(torch.float64).numpy().copy()
    return array
