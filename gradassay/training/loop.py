"""The training loop: estimate, update, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradassay.core.arrays import array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch, require_batch
from gradassay.core.estimator import Estimate, Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, require_params
from gradassay.core.records import EpochRow
from gradassay.estimators.online import OnlineEstimate
from gradassay.training.data import PlacedData, select
from gradassay.training.divergence import DivergenceError, non_finite
from gradassay.training.evaluation import count_correct, evaluate
from gradassay.training.optimiser import MomentumSGD, learning_rate_at
from gradassay.training.running import BatchReport, RunningMean
from gradassay.training.settings import TrainingSettings


@dataclass(frozen=True)
class TrainingResult:
    """What a run leaves.

    Parameters
    ----------
    params : Params
        Trained parameters, arrays of the backend.
    state : State
        What the estimator learnt on the way.
    epochs : list of EpochRow
        Metrics of each epoch.
    """

    params: Params
    state: State
    epochs: list[EpochRow]


def train(
    estimator: Estimator,
    backend: Backend,
    network: Network,
    params: Params,
    data: PlacedData,
    settings: TrainingSettings,
    *,
    problem: str = "",
    on_epoch: Callable[[EpochRow], None] | None = None,
    on_batch: Callable[[BatchReport], None] | None = None,
) -> TrainingResult:
    """Train a network with the gradients of an estimator.

    Parameters
    ----------
    estimator, backend, network
        What estimates, what computes, what is trained.
    params : Params
        Where to start: NumPy arrays, or arrays of the backend. They are left as they are.
    data : PlacedData
        From `place_data` with this backend.
    settings : TrainingSettings
        Epochs, batch, learning rate, update, seed.
    problem : str
        Name of network and data in the rows.
    on_epoch, on_batch : callable or None
        Called after each epoch and each batch.

    Raises
    ------
    DivergenceError
        If a loss or a gradient is not finite; its `epochs` hold the rows so far.
    DataError
        If data or parameters do not fit the network.
    ConfigurationError
        If the weights are to be updated at each step and the estimator is not online, or the loss
        is of the sequence.

    Notes
    -----
    The randomness of batch k (counted from 0) is ``Key(seed) / "train" / k``, the order of the
    data in an epoch ``Key(seed) / "order" / epoch``, the estimator's own start
    ``Key(seed) / "state"``. Same seed, backend, machine and number of threads: same bits.

    Loss and accuracy of the training part are running means over the epoch, from the passes that
    the estimates were made of, noise included. The test part is run without noise after each epoch;
    that is not in the epoch's seconds.
    """
    require_batch(network, data.train)
    require_batch(network, data.test)
    run = _Run(estimator, backend, network, params, data, settings)
    epochs: list[EpochRow] = []
    for epoch in range(1, settings.epochs + 1):
        started = time.perf_counter()
        rate = run.learning_rate
        try:
            mean = run.train_epoch(epoch, on_batch or _ignore)
        except DivergenceError as error:
            nan, seconds = float("nan"), time.perf_counter() - started
            broken = run.row(problem, epoch, rate, seconds, (nan, nan, nan))
            error.epochs = (*epochs, broken)
            raise
        seconds = time.perf_counter() - started
        test = evaluate(backend, network, run.params, data.test)
        row = run.row(problem, epoch, rate, seconds, (mean.loss, mean.accuracy, test))
        epochs.append(row)
        if on_epoch is not None:
            on_epoch(row)
    return TrainingResult(run.params, run.state, epochs)


class _Run:
    """A run under way: parameters, what the estimator has learnt, the number of batches seen."""

    def __init__(
        self,
        estimator: Estimator,
        backend: Backend,
        network: Network,
        params: Params,
        data: PlacedData,
        settings: TrainingSettings,
    ) -> None:
        self.estimator, self.backend, self.network = estimator, backend, network
        self.data, self.settings = data.train, settings
        self.key = Key(settings.seed)
        self.optimiser = MomentumSGD(_placed(backend, params), settings.momentum)
        require_params(network, self.params)
        self.state = estimator.init(backend, network, self.key / "state")
        self.iterations = settings.epochs * -(-self.data.size // settings.batch_size)
        self.iteration = 0

    @property
    def params(self) -> Params:
        return self.optimiser.params

    @property
    def learning_rate(self) -> float:
        """Of the next batch."""
        return learning_rate_at(
            self.settings.learning_rate, self.settings.schedule, self.iteration, self.iterations
        )

    def train_epoch(self, epoch: int, on_batch: Callable[[BatchReport], None]) -> RunningMean:
        """Go through the data once, in the epoch's own order."""
        order = (self.key / "order" / epoch).generator().permutation(self.data.size)
        samples = self.backend.asarray(order)
        mean = RunningMean()
        for start in range(0, self.data.size, self.settings.batch_size):
            batch = select(self.data, samples[start : start + self.settings.batch_size])
            loss, correct = self._update(epoch, batch)
            mean.add(loss, correct, batch.size)
            on_batch(BatchReport(epoch, self.iteration, self.iterations, mean.loss, mean.accuracy))
        return mean

    def _update(self, epoch: int, batch: Batch) -> tuple[float, int]:
        """Train on one batch; return its mean loss and how many of its samples were right."""
        loss, outputs = 0.0, []
        rate = self.learning_rate
        for estimate in self._estimates(batch, self.key / "train" / self.iteration):
            losses = estimate.trace.losses
            loss += float(array_namespace(losses).sum(losses)) / batch.size
            self._require_finite(epoch, loss, estimate.gradient)
            self.optimiser.step(estimate.gradient, rate)
            self.state = estimate.state
            outputs.append(estimate.trace.outputs)
        self.iteration += 1
        joined = outputs[0] if len(outputs) == 1 else array_namespace(*outputs).concat(outputs)
        return loss, count_correct(joined, batch.targets)

    def _estimates(self, batch: Batch, key: Key) -> Iterator[Estimate]:
        """Yield the estimate of the sequence, or of each step at the parameters of that moment."""
        model = (self.backend, self.network)
        if self.settings.update == "sequence":
            yield self.estimator.estimate(*model, self.params, batch, self.state, key)
            return
        sequence = OnlineEstimate(self.estimator, *model, batch, self.state, key)
        while not sequence.finished:
            yield sequence.advance(self.params)

    def _require_finite(self, epoch: int, loss: float, gradient: Params) -> None:
        """Stop where the loss or the gradient is not finite."""
        broken = non_finite(loss, gradient)
        if broken is not None:
            raise DivergenceError(
                f"{self.estimator.name}: {broken} in epoch {epoch}, iteration"
                f" {self.iteration + 1} of {self.iterations}; expected finite numbers."
                f" Lower the learning rate (now {self.settings.learning_rate:g})."
            )

    def row(
        self,
        problem: str,
        epoch: int,
        rate: float,
        seconds: float,
        numbers: tuple[float, float, float],
    ) -> EpochRow:
        """Return the metrics of an epoch: loss, accuracy of the training and of the test part."""
        return EpochRow(
            self.estimator.name, problem, self.settings.seed, epoch, *numbers, seconds, rate
        )


def _placed(backend: Backend, params: Params) -> Params:
    """Return parameters as arrays of the backend."""
    return params.map(lambda a: backend.asarray(a) if isinstance(a, np.ndarray) else a)


def _ignore(report: BatchReport) -> None:
    """Nobody is listening."""
