"""The contract of a gradient estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.core.trace import Trace

# What an estimator learns or keeps between estimates (feedback matrices, counters): arrays by name.
State = Mapping[str, Array]


def stack_states(states: Sequence[State]) -> State:
    """Return R states as one: each array with a leading axis R."""
    first = states[0]
    return {n: array_namespace(a).stack([s[n] for s in states]) for n, a in first.items()}


def state_of(stacked: State, replicate: int) -> State:
    """Return one state of a stack."""
    return {name: array[replicate, ...] for name, array in stacked.items()}


@dataclass(frozen=True)
class Estimate:
    """One estimate, or R of them.

    Parameters
    ----------
    gradient : Params
        Estimate of the gradient of the mean loss; leading axis R where replicates were asked for.
    state : State
        The state after this estimate; where R > 1 and something was learnt, each array has a
        leading axis R.
    trace : Trace
        Of the (noisy, where there is noise) forward pass.
    """

    gradient: Params
    state: State
    trace: Trace


class Estimator(Protocol):
    """A gradient estimator: frozen options, no hidden state."""

    @property
    def name(self) -> str:
        """Its name in the zoo, or the class's."""
        ...

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What can be tested about it."""
        ...

    @property
    def noise(self) -> NoiseModel | None:
        """The noise that it injects, None if none."""
        ...

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return the state before the first estimate."""
        ...

    def estimate(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
        noise: Noise | None = None,
    ) -> Estimate:
        """Estimate the gradient of the mean loss of a batch.

        Parameters
        ----------
        backend, network, params, batch
            The model; arrays of the backend.
        state : State
            Never changed; the next one is returned. Where replicates have states of their own, each
            array has a leading axis R.
        key : Key
            All randomness of this estimate.
        replicates : range or None
            Numbers of the replicates to compute at once, each as if alone; results have a leading
            axis. None: replicate 0 alone, without that axis.
        noise : Noise or None
            Use this noise in place of what the key would draw.
        """
        ...

    def advance(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
    ) -> State:
        """Return the state that `estimate` would, without the gradient."""
        ...


def require_estimate(
    estimator: Estimator, network: Network, found: Any, replicates: int | None = None
) -> Estimate:
    """Return what an estimator returned, if it is an estimate of this network's gradient.

    Parameters
    ----------
    estimator : Estimator
        What returned it; for messages.
    network : Network
        Whose gradient it is.
    found : object
        What `Estimator.estimate` returned; names and shapes are looked at, values are not.
    replicates : int or None
        Length of the leading axis; None where there is none.

    Raises
    ------
    DataError
        If it is no `Estimate`, or an array of the gradient is lacking or has another shape, which
        broadcasting would hide.
    """
    kind = type(estimator)
    subject = f"estimator {kind.__module__}:{kind.__qualname__}"
    if not isinstance(found, Estimate):
        raise DataError(
            f"{subject}: estimate returned {type(found).__name__}; expected a"
            " gradassay.core.estimator.Estimate. `gradassay verify` checks the whole contract."
        )
    leading = () if replicates is None else (replicates,)
    shapes = {name: (*leading, *shape) for name, shape in network.shapes.items()}
    if set(found.gradient) != set(shapes):
        raise DataError(
            f"{subject}: estimate returned gradients {sorted(found.gradient)}; expected"
            f" {sorted(shapes)}. `gradassay verify` checks the whole contract."
        )
    for name, shape in shapes.items():
        got = tuple(found.gradient[name].shape)
        if got != shape:
            raise DataError(
                f"{subject}: estimate returned a gradient of {name} of shape {got}; expected"
                f" {shape}. `gradassay verify` checks the whole contract."
            )
    return found
