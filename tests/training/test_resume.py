"""A run that goes on from a checkpoint ends in the same bits as one that was never interrupted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params
from gradassay.estimators import ZOO, make_estimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.training import (
    Checkpoints,
    DivergenceError,
    PlacedData,
    TrainingResult,
    TrainingSettings,
    read_snapshot,
    train,
)
from gradassay.training.checkpoints import BEST
from gradassay.training.data import Samples
from gradassay.training.run import InFlight
from gradassay.training.running_mean import BatchReport

SUM = "opzo+0.01*local_learning+0.1*intermediate_global"
# 4 batches an epoch
SETTINGS = TrainingSettings(epochs=3, batch_size=16, learning_rate=0.05, crop=1, flip=True, seed=3)
NETWORK = network_named("fc-12-9", 6, 3, steps=4)
ONLINE = {"update": "step", "epochs": 2}


class Stop(Exception):
    """Ends a run after a batch."""


def few(backend: Backend) -> PlacedData:
    generator = np.random.default_rng(0)
    inputs, targets = generator.random((50, 6)), generator.integers(0, 3, 50)
    part = Samples(backend, inputs, targets, shape=(2, 3))
    return PlacedData(part, part)


def trained(
    name: str, backend: Backend, folder: Path, settings: TrainingSettings, stops: tuple[int, ...]
) -> TrainingResult:
    """Train, stopped after these batches."""
    params = initial_params(NETWORK, Key(1), gain=2.0)
    for stop in (*stops, None):
        checkpoints = Checkpoints(folder, {}, interval_s=0.0)

        def on_batch(report: BatchReport, stop: int | None = stop) -> None:
            if report.iteration == stop:
                raise Stop

        try:
            return train(
                make_estimator(name),
                backend,
                NETWORK,
                params,
                few(backend),
                settings,
                start=checkpoints.latest(),
                checkpoints=checkpoints,
                on_batch=on_batch,
            )
        except Stop:
            continue
    raise AssertionError("the last run has no stop")


def require_same_bits(one: TrainingResult, two: TrainingResult) -> None:
    for ours, theirs in ((one.params, two.params), (one.state, two.state)):
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(np.asarray(ours[name]), np.asarray(theirs[name]))
    assert [dataclasses.replace(row, seconds=0) for row in one.epochs] == [
        dataclasses.replace(row, seconds=0) for row in two.epochs
    ]


@pytest.mark.parametrize("name", [*(entry.split(":")[0] for entry in ZOO), SUM])
@pytest.mark.parametrize("stops", [(2, 7), (4,), (1, 2, 3, 11)], ids=repr)
def test_a_run_in_pieces_is_the_whole_run(
    name: str, stops: tuple[int, ...], tmp_path: Path
) -> None:
    backend = TorchBackend("float32")
    whole = trained(name, backend, tmp_path / "whole", SETTINGS, ())
    pieces = trained(name, backend, tmp_path / "pieces", SETTINGS, stops)
    require_same_bits(whole, pieces)


@pytest.mark.parametrize("backend", [ReferenceBackend(), TorchBackend("float64")], ids=repr)
@pytest.mark.parametrize("changes", [{}, ONLINE], ids=["sequence", "step"])
def test_on_both_backends_and_with_online_updates(
    backend: Backend, changes: dict[str, Any], tmp_path: Path
) -> None:
    settings = SETTINGS.replace(**changes)
    whole = trained("opzo", backend, tmp_path / "whole", settings, ())
    pieces = trained("opzo", backend, tmp_path / "pieces", settings, (3, 6))
    require_same_bits(whole, pieces)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    backend = TorchBackend("float32")
    whole = trained("dfa", backend, tmp_path, SETTINGS, ())

    def never(report: BatchReport) -> None:
        pytest.fail("trained on a batch")

    checkpoints = Checkpoints(tmp_path, {})
    again = train(
        make_estimator("dfa"), backend, NETWORK, initial_params(NETWORK, Key(1)), few(backend),
        SETTINGS, start=checkpoints.latest(), checkpoints=checkpoints, on_batch=never,
    )  # fmt: skip
    require_same_bits(whole, again)
    assert again.epochs == whole.epochs


def test_the_best_epoch_has_a_checkpoint(tmp_path: Path) -> None:
    rows = trained("spatial_bp", TorchBackend("float32"), tmp_path, SETTINGS, (5,)).epochs
    best, _, _ = read_snapshot(tmp_path / BEST)
    accuracies = [row.test_accuracy for row in rows]
    assert len(best.rows) - 1 == int(np.argmax(accuracies))


@dataclasses.dataclass(frozen=True)
class LateNaN(SpatialBP):
    """Right until the parameters have moved, then NaN."""

    def estimate(self, *arguments: Any, **keywords: Any) -> Estimate:
        whole = super().estimate(*arguments, **keywords)
        params = arguments[2]
        if float(abs(params["readout.bias"]).max()) == 0:
            return whole
        broken = whole.gradient.map(lambda array: array * np.nan)
        return Estimate(broken, whole.state, whole.trace)


def test_divergence_keeps_the_parameters_before_it_and_stays(tmp_path: Path) -> None:
    backend, params = ReferenceBackend(), initial_params(NETWORK, Key(1), gain=2.0)
    model = (LateNaN(), backend, NETWORK, params, few(backend), SETTINGS)
    checkpoints = Checkpoints(tmp_path, {})
    with pytest.raises(DivergenceError, match="epoch 1, iteration 2 of 12") as first:
        train(*model, checkpoints=checkpoints)
    kept = checkpoints.latest()
    assert kept is not None
    assert kept.progress.iteration == 1
    assert all(np.isfinite(array).all() for array in kept.params.values())
    with pytest.raises(DivergenceError, match="epoch 1, iteration 2 of 12") as again:
        train(*model, start=kept, checkpoints=checkpoints)
    assert repr(again.value.epochs) == repr(first.value.epochs)


def test_a_snapshot_of_another_network_is_refused(tmp_path: Path) -> None:
    backend = ReferenceBackend()
    trained("dfa", backend, tmp_path, SETTINGS, ())
    other = network_named("fc-5", 6, 3, steps=4)
    with pytest.raises(DataError, match="hidden1"):
        train(
            make_estimator("dfa"), backend, other, Params(initial_params(other, Key(1))),
            few(backend), SETTINGS, start=Checkpoints(tmp_path, {}).latest(),
        )  # fmt: skip


PASSENGERS = {name: make_estimator(name) for name in ("dkp", "opzo", "zo_single_point")}


def with_passengers(folder: Path, stops: tuple[int, ...]) -> tuple[TrainingResult, list[InFlight]]:
    """Train with spatial BP, watched, stopped after these batches."""
    backend, seen = TorchBackend("float32"), dict[int, InFlight]()
    params = initial_params(NETWORK, Key(1), gain=2.0)
    for stop in (*stops, None):
        checkpoints = Checkpoints(folder, {}, interval_s=0.0)

        def on_batch(report: BatchReport, stop: int | None = stop) -> None:
            if report.iteration == stop:
                raise Stop

        def watch(now: InFlight) -> None:
            seen[now.iteration] = now

        try:
            result = train(
                make_estimator("spatial_bp"), backend, NETWORK, params, few(backend), SETTINGS,
                start=checkpoints.latest(), checkpoints=checkpoints, passengers=PASSENGERS,
                watch=watch, on_batch=on_batch,
            )  # fmt: skip
        except Stop:
            continue
    return result, [seen[number] for number in sorted(seen)]


def test_passengers_move_nothing_and_resume_too(tmp_path: Path) -> None:
    alone = trained("spatial_bp", TorchBackend("float32"), tmp_path / "alone", SETTINGS, ())
    whole, seen = with_passengers(tmp_path / "whole", ())
    require_same_bits(whole, alone)
    pieces, seen_again = with_passengers(tmp_path / "pieces", (3, 5))
    require_same_bits(pieces, whole)
    assert len(seen) == len(seen_again) == 12
    for one, two in zip(seen, seen_again, strict=True):
        assert set(one.passengers) == set(PASSENGERS)
        for name, state in one.passengers.items():
            other = two.passengers[name]
            assert state.keys() == other.keys()
            for key, array in state.items():
                np.testing.assert_array_equal(np.asarray(array), np.asarray(other[key]))


def test_a_passenger_learns_what_it_would_at_these_weights() -> None:
    backend, name = TorchBackend("float32"), "dkp"
    expected = PASSENGERS[name].init(
        backend, NETWORK, Key(SETTINGS.seed) / "passenger" / name / "state"
    )
    compared = 0

    def watch(now: InFlight) -> None:
        nonlocal expected, compared
        for key, array in expected.items():
            np.testing.assert_array_equal(np.asarray(array), np.asarray(now.passengers[name][key]))
            compared += 1
        own = Key(SETTINGS.seed) / "passenger" / name / now.iteration
        model = (backend, NETWORK, now.params, now.batch)
        expected = PASSENGERS[name].advance(*model, expected, own)

    train(
        make_estimator("spatial_bp"), backend, NETWORK,
        initial_params(NETWORK, Key(1), gain=2.0), few(backend), SETTINGS,
        passengers=PASSENGERS, watch=watch,
    )  # fmt: skip
    assert compared == 12 * 2
