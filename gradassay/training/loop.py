"""The training loop: estimate, update, report, keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradassay.core.backend import Backend
from gradassay.core.estimator import Estimator, State
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import EpochRow
from gradassay.training.checkpoints import Checkpoints
from gradassay.training.data import PlacedData
from gradassay.training.divergence import DivergenceError
from gradassay.training.parallel import Group
from gradassay.training.run import InFlight, Run
from gradassay.training.running_mean import BatchReport
from gradassay.training.settings import TrainingSettings
from gradassay.training.snapshot import Snapshot


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
    start: Snapshot | None = None,
    checkpoints: Checkpoints | None = None,
    group: Group | None = None,
    passengers: Mapping[str, Estimator] | None = None,
    watch: Callable[[InFlight], None] | None = None,
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
    start : Snapshot or None
        Go on from there, in place of `params`: a snapshot of the same run, as `Checkpoints.latest`
        gives it.
    checkpoints : Checkpoints or None
        Where to keep snapshots: at their interval, at the best epochs, and at the end.
    group : Group or None
        Processes that train together, each on its share of every batch, called with the same
        arguments; the first one alone keeps checkpoints.
    passengers : mapping of str to Estimator or None
        Estimators that learn at the same weights from the same batches and move nothing, for
        `watch` to look at; the run's own numbers are the same with and without them.
    watch : callable or None
        Called before each batch.
    on_epoch, on_batch : callable or None
        Called after each epoch and each batch.

    Raises
    ------
    DivergenceError
        If a loss or a gradient is not finite; its `epochs` hold the rows so far, and a checkpoint
        the parameters before that update. Again, if `start` is such a checkpoint.
    DataError
        If data or parameters do not fit the network, or a checkpoint cannot be written.
    ConfigurationError
        If the weights are to be updated at each step and the estimator is not online, or the loss
        is of the sequence; or if what is no image is to be cropped or flipped.

    Notes
    -----
    The randomness of batch k (counted from 0) is ``Key(seed) / "train" / k``, that of its crops,
    flips and cutout ``Key(seed) / "augment" / k``, the order of the data in an epoch
    ``Key(seed) / "order" / epoch``, the estimator's own start ``Key(seed) / "state"``. Same seed,
    backend, machine and number of threads: same bits, however often the run was interrupted and
    gone on with.

    In a group, gradients and changes of what the estimator learns are means over the shares,
    weighted by their samples, and each process draws noise of its own, ``key / "rank" / rank``.
    Mean gradient and mean change have the expectations of those of one process with the whole
    batch, given what was learnt before; without noise they are the same to rounding. What is learnt
    from a batch before it is used on it (OPZO with ``use="after"``) is that of the own share.

    Loss and accuracy of the training part are running means over the epoch, from the passes that
    the estimates were made of, noise included. The test part is run without noise after each epoch;
    that is not in the epoch's seconds.
    """
    data.train.require_fit(network)
    data.test.require_fit(network)
    run = Run(estimator, backend, network, params, data.train, settings, problem, passengers, group)
    if group is not None and group.rank > 0:
        checkpoints = None
    if start is not None:
        run.restore(start)
        if start.progress.stopped:
            raise DivergenceError(start.progress.stopped, start.rows)
    while run.epoch <= settings.epochs:
        _train_epoch(run, checkpoints, watch, on_batch)
        best = max((row.test_accuracy for row in run.rows), default=-1.0)
        row = run.end_epoch(run.test_accuracy(data.test))
        if checkpoints is not None and row.test_accuracy > best:
            checkpoints.save_best(run.snapshot(), backend)
        if on_epoch is not None:
            on_epoch(row)
    if checkpoints is not None:
        checkpoints.save(run.snapshot(), backend)
    return TrainingResult(run.params, run.state, run.rows)


def _train_epoch(
    run: Run,
    checkpoints: Checkpoints | None,
    watch: Callable[[InFlight], None] | None,
    on_batch: Callable[[BatchReport], None] | None,
) -> None:
    """Go through what is left of the data in this epoch."""
    try:
        for share in run.shares():
            if watch is not None:
                watch(run.in_flight(share.batch))
            run.update(share)
            if checkpoints is not None and checkpoints.due:
                checkpoints.save(run.snapshot(), run.backend)
            if on_batch is not None:
                on_batch(run.report)
    except DivergenceError as error:
        run.break_epoch()
        if checkpoints is not None:
            checkpoints.save(run.snapshot(stopped=str(error)), run.backend)
        error.epochs = tuple(run.rows)
        raise
