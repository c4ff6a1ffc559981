"""An estimate in blocks of steps: the online form, whose memory does not grow with T."""

from __future__ import annotations

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Online
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimate, Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators.layerwise import Carries, LayerwiseEstimator


class OnlineEstimate:
    """One sequence under way: each call takes the next steps and returns their gradient.

    With the same parameters at every call the gradients add up to that of the whole sequence; with
    parameters that are updated in between, training is online. What the estimator learns is
    absorbed once, after the last step. `done` counts the steps taken. Memory does not grow with T.

    Parameters
    ----------
    estimator : LayerwiseEstimator
        One that claims `Online`.
    backend, network, batch, state, key, replicates, noise
        As in `Estimator.estimate`. The noise is drawn step by step, the same numbers; that of an
        estimator which draws its own is drawn here as a whole.

    Raises
    ------
    ConfigurationError
        If the estimator is not online, or the loss is of the sequence.
    """

    def __init__(
        self,
        estimator: Estimator,
        backend: Backend,
        network: Network,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
        noise: Noise | None = None,
    ) -> None:
        self._estimator = require_online(estimator, network)
        self._estimator.require_state(network, state)
        self._backend, self._network, self._batch, self.state = backend, network, batch, state
        self._count = 1 if replicates is None else len(replicates)
        self._folded = None if replicates is None else self._count
        numbers = range(1) if replicates is None else replicates
        given = (backend, network, batch, key, numbers)
        self._drawn = self._estimator.draw_by_step(*given) if noise is None else None
        whole = noise is None and self._drawn is None
        self._noise = self._estimator.draw(*given) if whole else noise
        self._carries: Carries = (None, None)
        self._learnt: dict[str, Array] = {}
        self.done = 0

    @property
    def finished(self) -> bool:
        """Whether the last step is done; `state` is then the state after the sequence."""
        return self.done == self._network.steps

    def advance(self, params: Params, steps: int = 1) -> Estimate:
        """Return the gradient of the next steps' loss at these parameters.

        Raises
        ------
        ConfigurationError
            If fewer steps are left.
        """
        stop = self.done + steps
        if steps < 1 or stop > self._network.steps:
            raise ConfigurationError(
                f"steps: got {steps}; expected 1 to {self._network.steps - self.done}, what is"
                " left of the sequence."
            )
        batch, noise = self._slice(self.done, stop)
        observed = self._estimator.observe(
            self._backend,
            self._network,
            params,
            batch,
            noise,
            self._count,
            self._carries,
            steps,
        )
        gradient = self._estimator.gradient(self.state, observed, self._folded)
        for name, part in self._estimator.contribution(self.state, observed).items():
            self._learnt[name] = self._learnt[name] + part if name in self._learnt else part
        second = None if observed.other is None else observed.other.carry
        self._carries, self.done = (observed.trace.carry, second), stop
        if self.finished:
            self.state = self._estimator.absorb(self.state, self._learnt)
        return Estimate(gradient, self.state, observed.trace)

    def _slice(self, start: int, stop: int) -> tuple[Batch, Noise | None]:
        """Return inputs and noise of some steps."""
        batch, noise = self._batch, self._noise
        if not batch.static:
            batch = Batch(batch.inputs[start:stop, ...], batch.targets, batch.folds)
        if self._drawn is not None:
            noise = self._drawn.take(stop - start).map(self._backend.asarray)
        elif noise is not None and noise.position != "weights":
            noise = noise.map(lambda z: z[start:stop, ...])
        return batch, noise


def require_online(estimator: Estimator, network: Network) -> LayerwiseEstimator:
    """Return the estimator, if it can go step by step through this network.

    Raises
    ------
    ConfigurationError
        If it needs the whole sequence, or the loss does.
    """
    if not isinstance(estimator, LayerwiseEstimator) or Online() not in estimator.claims:
        raise ConfigurationError(
            f"{estimator.name}: got an estimator that needs the whole sequence; expected one that"
            " takes it step by step. Update the weights once a sequence."
        )
    if network.loss.over == "sequence":
        raise ConfigurationError(
            "loss: got that of the sequence, which is known at its end only; expected the loss of"
            " the step. Update the weights once a sequence, or use Loss(over='step')."
        )
    return estimator
