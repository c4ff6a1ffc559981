"""What decides an estimator's cost, read from its claims, its noise and its state.

No estimator is known by name. One that is written elsewhere is costed by the same rules:

- ``Passes`` among its claims gives the passes, how many of them are noisy and how many carry
  tangents; ``Online`` says that it keeps nothing whose size
  grows with the number of steps.
- ``noise`` gives the random numbers: one for each unit of each hidden spiking layer and step, or
  one for each parameter where it is on the weights. On spikes it is multiplied with the weights
  that follow; on membrane potentials, or not injected, it is not.
- In a sum of methods the state's names have the method's before them, ``part/layer``: the part
  after the last ``/`` is the layer's name. Each method has its own matrices and products.
- A matrix in the state under the name of a *spiking* layer of n units, with n rows and k columns,
  makes that layer's signal from k numbers (the error, or a local readout's) by one product a
  sample and step, outside the backend's verbs: direct feedback.
- Under ``readout/`` and the layer's name it is also that layer's own readout: one product more.
- An array in the state under the name of a *weighted* layer, of its weight's shape (a
  convolution's has 4 axes), stands in for that weight on the way down (feedback alignment): the
  estimator hands it to `input_gradient`, so that its products belong to the backward pass.
- A matrix of either kind that one estimate changes is learnt, by one outer product a sample and
  step, as all known rules do it (noise times output, activity times error); one that stands in for
  a convolution's weight, by the products of that weight's gradient. The running average
  itself costs one more pass over the matrix for the whole batch; it is element by element and not
  counted.
- Everything else in the state (counters, baselines) is free.
- An estimator with ``parts`` is a sum: each part sends a signal of its own down the network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Online, Passes
from gradassay.core.estimator import Estimator, State
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel


@dataclass(frozen=True)
class FeedbackMatrix:
    """One matrix of feedback weights.

    Parameters
    ----------
    layer : str
        The spiking layer that it makes the signal of, or the weighted layer that it stands in for.
    rows, columns : int
        Its shape; of what stands in for a convolution's weight, output channels and all the rest.
    direct : bool
        Multiplied outside the backend's verbs.
    learnt : bool
        Changed by an estimate.
    reads_out : bool
        Also the layer's own readout.
    """

    layer: str
    rows: int
    columns: int
    direct: bool
    learnt: bool
    reads_out: bool = False

    @property
    def entries(self) -> int:
        """Rows times columns: numbers to store; where direct, MACs of a product with it."""
        return self.rows * self.columns

    @property
    def macs(self) -> int:
        """MACs of a sample and step outside the backend's verbs."""
        return self.entries * (self.direct + self.reads_out)


@dataclass(frozen=True)
class Declared:
    """What an estimator says about itself that decides its cost.

    Parameters
    ----------
    passes : Passes or None
        None where it claims nothing about them.
    online : bool
        Whether it claims to keep nothing that grows with the number of steps.
    noise : NoiseModel or None
        What it draws, and where it injects that.
    feedback : tuple of FeedbackMatrix
        Its feedback weights.
    signals : int
        Signals that go down the network each by itself.
    """

    passes: Passes | None
    online: bool
    noise: NoiseModel | None = None
    feedback: tuple[FeedbackMatrix, ...] = ()
    signals: int = 1

    @property
    def in_weights(self) -> bool:
        """Whether the noise is on the weights, so that no layer has a signal."""
        return self.noise is not None and self.noise.position == "weights"


def declared(estimator: Estimator, network: Network, before: State, after: State) -> Declared:
    """Return what decides an estimator's cost.

    Parameters
    ----------
    estimator : Estimator
        Gives claims and noise.
    network : Network
        Gives the layers' names and shapes.
    before, after : State
        The state of a single replicate, as `init` returned it and after one estimate. A matrix that
        is learnt more rarely than at each estimate counts as learnt only if it changed here.
    """
    passes = [claim for claim in estimator.claims if isinstance(claim, Passes)]
    return Declared(
        passes=passes[0] if passes else None,
        online=any(isinstance(claim, Online) for claim in estimator.claims),
        noise=estimator.noise,
        feedback=_feedback_matrices(network, before, after),
        signals=max(1, len(getattr(estimator, "parts", ()))),
    )


def _feedback_matrices(network: Network, before: State, after: State) -> tuple[FeedbackMatrix, ...]:
    """Find the matrices of both kinds, in the state's order."""
    units = {layer.name: layer.units for layer in network.spiking}
    weights = {layer.name: layer.weight_shape for layer in network.weighted}
    found = []
    for name, matrix in before.items():
        before_it, _, layer = name.rpartition("/")
        shape = tuple(matrix.shape)
        direct = len(shape) == 2 and units.get(layer) == shape[0]
        if direct or (len(shape) > 1 and weights.get(layer) == shape):
            learnt = _differ(matrix, after[name])
            columns = math.prod(shape[1:])
            reads_out = before_it.rpartition("/")[2] == "readout"
            found.append(FeedbackMatrix(layer, shape[0], columns, direct, learnt, reads_out))
    return tuple(found)


def _differ(before: Array, after: Array) -> bool:
    """Whether any entry changed."""
    return after is not before and bool(array_namespace(before).any(after != before))
