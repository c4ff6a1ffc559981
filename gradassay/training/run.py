"""A run under way: parameters, what has been learnt, how far it is; batch by batch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate, Estimator, State, require_estimate
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, require_params
from gradassay.core.records import EpochRow
from gradassay.estimators.online import OnlineEstimate
from gradassay.training.augmentation import augments, draw_moves, moved, require_images
from gradassay.training.data import Samples, Transform
from gradassay.training.divergence import DivergenceError, non_finite
from gradassay.training.evaluation import count_correct, evaluate
from gradassay.training.optimiser import copied, optimiser_for, scaled_down
from gradassay.training.parallel import Alone, Group, mean_gradient, mean_state, share_of
from gradassay.training.running_mean import BatchReport, RunningMean
from gradassay.training.schedule import learning_rate_at
from gradassay.training.settings import TrainingSettings
from gradassay.training.snapshot import Progress, Snapshot


@dataclass(frozen=True)
class InFlight:
    """A run before one of its batches; its arrays are the run's own and not to be changed.

    Parameters
    ----------
    iteration : int
        Batches before this one.
    params : Params
        Parameters of the network.
    state : State
        What the estimator has learnt.
    passengers : mapping of str to State
        What each passenger has learnt.
    batch : Batch
        What is trained on next.
    """

    iteration: int
    params: Params
    state: State
    passengers: Mapping[str, State]
    batch: Batch


class Share(NamedTuple):
    """What one process has of a batch, and which part of the whole that is."""

    batch: Batch
    part: float
    whole: int


class Run:
    """A training run; `gradassay.training.train` is what drives it.

    Parameters
    ----------
    estimator, backend, network, params, settings
        As in `gradassay.training.train`.
    data : Samples
        The whole training part.
    problem : str
        Name of network and data in the rows.
    passengers : mapping of str to Estimator or None
        They learn at the same weights from the same batches, and move nothing.
    group : Group or None
        Processes that share each batch; None for this one alone.
    """

    def __init__(
        self,
        estimator: Estimator,
        backend: Backend,
        network: Network,
        params: Params,
        data: Samples,
        settings: TrainingSettings,
        problem: str = "",
        passengers: Mapping[str, Estimator] | None = None,
        group: Group | None = None,
    ) -> None:
        self.estimator, self.backend, self.network = estimator, backend, network
        self.data, self.settings, self.problem = data, settings, problem
        require_images(settings, data.shape)
        self.rows: list[EpochRow] = []
        self._group = group or Alone()
        self._key = Key(settings.seed)
        self._optimiser = optimiser_for(settings, _placed(backend, params))
        require_params(network, self.params)
        self.state = estimator.init(backend, network, self._key / "state")
        self._passengers = dict(passengers or {})
        self._learnt = {
            name: passenger.init(backend, network, self._key / "passenger" / name / "state")
            for name, passenger in self._passengers.items()
        }
        self._updates_an_epoch = -(-data.size // settings.batch_size)
        self._iteration, self._seconds, self._mean = 0, 0.0, RunningMean()

    @property
    def params(self) -> Params:
        """Parameters as they are now."""
        return self._optimiser.params

    @property
    def iterations(self) -> int:
        """Batches of the whole run."""
        return self.settings.epochs * self._updates_an_epoch

    @property
    def epoch(self) -> int:
        """The epoch under way, counted from 1."""
        return len(self.rows) + 1

    @property
    def report(self) -> BatchReport:
        """Where the run stands."""
        mean = self._mean
        return BatchReport(self.epoch, self._iteration, self.iterations, mean.loss, mean.accuracy)

    def snapshot(self, stopped: str = "") -> Snapshot:
        """Return the run as it is now; its arrays are the run's own."""
        mean = self._mean
        progress = Progress(
            self._iteration, mean.samples, mean.correct, mean.total_loss, self._seconds, stopped
        )
        learnt = {f"{n}/{k}": a for n, state in self._learnt.items() for k, a in state.items()}
        buffers = self._optimiser.buffers
        return Snapshot(self.params, buffers, self.state, learnt, progress, tuple(self.rows))

    def in_flight(self, batch: Batch) -> InFlight:
        """Return the run before a batch."""
        return InFlight(self._iteration, self.params, self.state, dict(self._learnt), batch)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of the same run, whose arrays are copied."""
        progress = snapshot.progress
        params = Params(_placed(self.backend, snapshot.params))
        require_params(self.network, params)
        self._optimiser.restore(params, _placed(self.backend, snapshot.buffers))
        self.state = dict(_placed(self.backend, snapshot.state).map(copied))
        learnt = _placed(self.backend, snapshot.passengers).map(copied)
        for name, state in self._learnt.items():
            self._learnt[name] = {key: learnt[f"{name}/{key}"] for key in state}
        self._iteration, self._seconds = progress.iteration, progress.seconds
        self._mean = RunningMean(progress.samples, progress.total_loss, progress.correct)
        self.rows = list(snapshot.rows)

    def shares(self) -> Iterator[Share]:
        """Yield shares of the batches of this epoch that are left, in the epoch's own order."""
        order = (self._key / "order" / self.epoch).generator().permutation(self.data.size)
        size = self.settings.batch_size
        done = self._iteration - (self.epoch - 1) * self._updates_an_epoch
        for start in range(done * size, self.data.size, size):
            samples = order[start : start + size]
            own, part = share_of(np.arange(len(samples)), self._group)
            batch = self.data.batch(samples[own], self._augmentation(len(samples), own))
            yield Share(batch, part, len(samples))

    def _augmentation(self, count: int, own: np.ndarray) -> Transform | None:
        """Return how the own ones of the `count` images of this batch are changed."""
        if not augments(self.settings):
            return None
        generator = (self._key / "augment" / self._iteration).generator()
        moves = draw_moves(self.settings, self.data.shape, count, generator).of(own)
        return lambda inputs: moved(inputs, self.data.shape, moves)

    def update(self, share: Share) -> None:
        """Train on one batch.

        Raises
        ------
        DivergenceError
            If the loss or the gradient is not finite: the parameters are those before this update,
            which with an update at each step is that of the step.
        """
        batch, part, whole = share
        self._let_learn(batch, part)
        started = time.perf_counter()
        loss, outputs = 0.0, []
        rate = self._learning_rate(self._iteration)
        for estimate in self._estimates(batch, self._own(self._key / "train" / self._iteration)):
            losses = estimate.trace.losses
            loss += self._over_all(float(array_namespace(losses).sum(losses)) / batch.size * part)
            gradient = mean_gradient(estimate.gradient, part, self._group)
            self._require_finite(loss, gradient)
            self._optimiser.step(self._clipped(gradient), rate)
            self.state = mean_state(self.state, estimate.state, part, self._group)
            outputs.append(estimate.trace.outputs)
        self._iteration += 1
        joined = outputs[0] if len(outputs) == 1 else array_namespace(*outputs).concat(outputs)
        correct = count_correct(joined, batch.targets) if part else 0
        self._mean.add(loss, round(self._over_all(correct)), whole)
        self._seconds += time.perf_counter() - started

    def _let_learn(self, batch: Batch, part: float) -> None:
        """Let the passengers that learn do so."""
        for name, passenger in self._passengers.items():
            before = self._learnt[name]
            if before:
                key = self._own(self._key / "passenger" / name / self._iteration)
                model = (self.backend, self.network, self.params, batch)
                after = passenger.advance(*model, before, key)
                self._learnt[name] = mean_state(before, after, part, self._group)

    def _own(self, key: Key) -> Key:
        """Return the key of this process, which has noise of its own."""
        return key if self._group.size == 1 else key / "rank" / self._group.rank

    def _over_all(self, number: float) -> float:
        """Return the sum of a number over all processes."""
        if self._group.size == 1:
            return number
        array = self.backend.asarray(np.array([number]))
        return float(self._group.summed({"": array})[""][0])

    def test_accuracy(self, data: Samples) -> float:
        """Return the accuracy on a test part, of which each process runs its share."""
        if self._group.size == 1:
            return evaluate(self.backend, self.network, self.params, data)
        own, part = share_of(np.arange(data.size), self._group)
        accuracy = evaluate(self.backend, self.network, self.params, data.subset(own))
        return self._over_all(part * accuracy)

    def end_epoch(self, test_accuracy: float) -> EpochRow:
        """Close the epoch under way and return its metrics."""
        row = self._row(self._mean.loss, self._mean.accuracy, test_accuracy)
        self.rows.append(row)
        self._seconds, self._mean = 0.0, RunningMean()
        return row

    def break_epoch(self) -> None:
        """Close an epoch that cannot go on: NaN in all its metrics."""
        self.rows.append(self._row(*[float("nan")] * 3))

    def _learning_rate(self, iteration: int) -> float:
        return learning_rate_at(self.settings, iteration, self._updates_an_epoch)

    def _clipped(self, gradient: Params) -> Params:
        largest = self.settings.largest_norm
        return gradient if largest == math.inf else scaled_down(gradient, largest)

    def _estimates(self, batch: Batch, key: Key) -> Iterator[Estimate]:
        """Yield the estimate of the sequence, or of each step at the parameters of that moment."""
        model = (self.backend, self.network)
        if self.settings.update == "sequence":
            found = self.estimator.estimate(*model, self.params, batch, self.state, key)
            yield require_estimate(self.estimator, self.network, found)
            return
        sequence = OnlineEstimate(self.estimator, *model, batch, self.state, key)
        while not sequence.finished:
            yield sequence.advance(self.params)

    def _require_finite(self, loss: float, gradient: Params) -> None:
        """Stop where the loss or the gradient is not finite."""
        broken = non_finite(loss, gradient)
        if broken is not None:
            raise DivergenceError(
                f"{self.estimator.name}: {broken} in epoch {self.epoch}, iteration"
                f" {self._iteration + 1} of {self.iterations}; expected finite numbers."
                f" Lower the learning rate (now {self.settings.learning_rate:g})."
            )

    def _row(self, loss: float, accuracy: float, test_accuracy: float) -> EpochRow:
        """Return metrics of the epoch under way; its learning rate is that of its first batch."""
        rate = self._learning_rate((self.epoch - 1) * self._updates_an_epoch)
        return EpochRow(
            self.estimator.name,
            self.problem,
            self.settings.seed,
            self.epoch,
            loss,
            accuracy,
            test_accuracy,
            self._seconds,
            rate,
        )


def _placed(backend: Backend, arrays: Mapping[str, Array]) -> Params:
    """Return arrays as arrays of the backend."""
    return Params(arrays).map(lambda a: backend.asarray(a) if isinstance(a, np.ndarray) else a)
