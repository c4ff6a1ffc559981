"""What another implementation is asked, what it answers, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.neuron import Surrogate
from gradassay.core.params import Params
from gradassay.crosscheck.conventions import REFERENCE, Conventions, Float

# of one whose spikes, and what multiplies them on the way back, are float32: some forty roundings
SINGLE_BOUND = 5e-6

Precision = Literal["float64", "float32"]
Differentiated = Literal["nothing", "through_time", "online", "spatial"]


@dataclass(frozen=True)
class Task:
    """A network to run on a batch.

    Parameters
    ----------
    network : Network
        Dense layers, each before the last followed by spiking neurons: ``hidden1, lif1, ...,
        readout``. Its neuron has leak, threshold, reset and surrogate derivative.
    params : Params
        ``<layer>.weight`` of shape (outputs, inputs), and ``<layer>.bias`` where the layer has one;
        float64.
    inputs : array, shape (T, B, n)
        Currents into the first layer's weights; float64.
    targets : array of int, shape (B,)
        Classes.
    precision : {"float64", "float32"}
        What to compute in.
    differentiated : {"nothing", "through_time", "online", "spatial"}
        The gradient wanted, of the batch's mean loss ``network.loss``: none; of backpropagation
        through time; of the online rule (membrane potential and spikes of the step before are
        constants; weights before neurons see the trace of their input, as in OTTT); of the spatial
        rule (the same, weights see their input, as in SLTT).
    """

    network: Network
    params: Params
    inputs: Float
    targets: NDArray[np.int64]
    precision: Precision = "float64"
    differentiated: Differentiated = "nothing"

    @property
    def batch(self) -> Batch:
        """Inputs and targets."""
        return Batch(self.inputs, self.targets)


@dataclass(frozen=True)
class Answer:
    """What an implementation made of a task.

    Parameters
    ----------
    spikes : mapping from spiking layer's name to array, shape (T, B, n)
        Spikes of each step.
    membrane : mapping from spiking layer's name to array, shape (T, B, n)
        Membrane potentials, before or after the reset; empty if they cannot be had.
    outputs : array, shape (T, B, m), or None
        The readout's currents.
    gradient : mapping from parameter's name to array
        Empty if none was wanted, or it cannot be had.
    precision : str
        Type of the spikes before they were made float64; empty if not known.
    """

    spikes: Mapping[str, Float]
    membrane: Mapping[str, Float] = field(default_factory=dict[str, Float])
    outputs: Float | None = None
    gradient: Mapping[str, Float] = field(default_factory=dict[str, Float])
    precision: str = ""


@dataclass(frozen=True)
class Profile:
    """What an implementation says of itself; what is compared follows from it.

    Parameters
    ----------
    conventions : Conventions
        How its neurons compare and reset.
    surrogate : Surrogate or None
        Its surrogate derivative; None if it takes that of the task.
    reset_value : float
        What its hard reset sets.
    reset_gradient : bool
        Whether its gradient through time goes through the reset.
    differentiates : tuple of str
        The gradients that it has.
    leaks, thresholds : tuple of float
        Those that it can have.
    bound : float
        Largest relative difference of potentials, outputs and gradients in float64.
    """

    conventions: Conventions = REFERENCE
    surrogate: Surrogate | None = None
    reset_value: float = 0.0
    reset_gradient: bool = False
    differentiates: tuple[Differentiated, ...] = ("through_time",)
    leaks: tuple[float, ...] = (0.5, 0.9)
    thresholds: tuple[float, ...] = (1.0, 2.0)
    bound: float = 1e-10


class Implementation(Protocol):
    """Somebody's simulator of a spiking network.

    Whatever `run` raises becomes a result that names it.
    """

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def profile(self) -> Profile:
        """What it says of itself."""
        ...

    def run(self, task: Task) -> Answer:
        """Return what becomes of a task; from a state at rest, each time."""
        ...
