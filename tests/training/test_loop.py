from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.records import EpochRow
from gradassay.core.trace import Carry, Recorded, Trace
from gradassay.estimators import make_estimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.training import (
    DivergenceError,
    PlacedData,
    TrainingResult,
    TrainingSettings,
    train,
)
from gradassay.training.data import Samples
from gradassay.training.evaluation import evaluate, samples_at_once
from gradassay.training.running_mean import BatchReport

Place = Callable[[Backend], PlacedData]
Train = Callable[..., TrainingResult]

RATES = {"spatial_bp": 0.3, "dfa": 0.3, "opzo": 0.3, "zo_single_point": 0.01}
SHORT = TrainingSettings(epochs=2, batch_size=20, learning_rate=0.1)


class WatchedBackend(ReferenceBackend):
    """Notes of each pass its batch size and whether it carried noise."""

    def __init__(self) -> None:
        self.passes: list[tuple[int, bool]] = []

    def forward(
        self,
        network: Network,
        params: Params,
        batch: Batch,
        *,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        carry: Carry | None = None,
        steps: int | None = None,
    ) -> Trace:
        self.passes.append((batch.size, noise is not None))
        return super().forward(
            network, params, batch, noise=noise, record=record, carry=carry, steps=steps
        )


@dataclass(frozen=True)
class Broken(SpatialBP):
    """A gradient of NaN in the first layer, beside a finite loss."""

    def estimate(self, *arguments: Any, **keywords: Any) -> Estimate:
        whole = super().estimate(*arguments, **keywords)
        name = "hidden1.weight"
        gradient = Params({**whole.gradient, name: whole.gradient[name] * np.nan})
        return Estimate(gradient, whole.state, whole.trace)


@pytest.mark.parametrize("name", RATES)
def test_loss_falls_on_digits(train_by_name: Train, name: str) -> None:
    # single-point noise averages out only over large batches
    longer = {"epochs": 15, "batch_size": 360} if name == "zo_single_point" else {}
    settings = {"epochs": 5, "batch_size": 32} | longer
    epochs = train_by_name(name, learning_rate=RATES[name], **settings).epochs
    assert epochs[-1].train_loss < 0.95 * epochs[0].train_loss
    assert epochs[-1].train_accuracy > epochs[0].train_accuracy


@pytest.mark.parametrize("name", RATES)
def test_same_seed_gives_same_bits(train_by_name: Train, name: str) -> None:
    options = {"epochs": 1, "batch_size": 100, "learning_rate": RATES[name]}
    one, two, other = (train_by_name(name, seed=seed, **options) for seed in (5, 5, 6))
    for parameter, array in one.params.items():
        np.testing.assert_array_equal(array.numpy(), two.params[parameter].numpy())
    for kept, array in one.state.items():
        np.testing.assert_array_equal(array.numpy(), two.state[kept].numpy())
    assert (one.params["hidden1.weight"] != other.params["hidden1.weight"]).any()


@pytest.mark.parametrize("backend", [ReferenceBackend(), TorchBackend("float64")], ids=repr)
def test_both_backends_train_to_the_same_numbers(
    backend: Backend, network: Network, params: Params, few_samples: Place
) -> None:
    row = train(
        make_estimator("opzo"), backend, network, params, few_samples(backend), SHORT
    ).epochs[-1]
    numpy = ReferenceBackend()
    expected = train(
        make_estimator("opzo"), numpy, network, params, few_samples(numpy), SHORT
    ).epochs[-1]
    assert row.train_loss == pytest.approx(expected.train_loss, rel=1e-10)
    assert row.test_accuracy == expected.test_accuracy


@pytest.mark.parametrize("placed", [False, True], ids=["numpy", "torch"])
def test_the_params_given_stay_as_they_are(
    backend: TorchBackend, network: Network, params: Params, data: PlacedData, placed: bool
) -> None:
    given = params.map(backend.asarray) if placed else params.map(np.float32)
    before = given.map(lambda array: np.asarray(array).copy())
    train(make_estimator("dfa"), backend, network, given, data, TrainingSettings(epochs=1))
    for name, array in given.items():
        np.testing.assert_array_equal(np.asarray(array), before[name])


def test_state_is_carried_through_all_updates(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    result = train(make_estimator("opzo"), backend, network, params, few_samples(backend), SHORT)
    assert float(result.state["updates"]) == 2 * 3  # 50 samples in batches of 20, 20 and 10


def test_noise_is_in_every_update_and_in_no_evaluation(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = WatchedBackend()
    train(make_estimator("opzo"), backend, network, params, few_samples(backend), SHORT)
    epoch = [(20, True), (20, True), (10, True), (50, False)]
    assert backend.passes == 2 * epoch


def test_evaluation_counts_every_sample_once(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = WatchedBackend()
    test = few_samples(backend).test
    whole = evaluate(backend, network, params, test)
    parts = evaluate(backend, network, params, test, batch_size=15)
    outputs = backend.forward(network, params, test.batch(np.arange(50))).outputs
    assert whole == parts == np.mean(outputs.sum(0).argmax(-1) == test.targets)
    assert [size for size, _ in backend.passes[1:5]] == [15, 15, 15, 5]


def test_a_large_network_is_evaluated_in_smaller_passes() -> None:
    small = network_named("fc-100", 784, 10, steps=6)
    large = network_named("conv5", (3, 32, 32), 10, steps=6)
    assert samples_at_once(small) == 2000
    assert 1 <= samples_at_once(large) < 100


def test_long_sequences_are_evaluated_in_smaller_passes() -> None:
    network = network_named("fc-100", (2, 128, 128), 10, steps=20)
    assert samples_at_once(network) == 2000  # 5 GB of inputs, were they sequences
    assert samples_at_once(network, sequences=True) < 100


def test_rows_and_reports_say_where_the_run_stands(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend, rows, reports = ReferenceBackend(), list[EpochRow](), list[BatchReport]()
    result = train(
        make_estimator("spatial_bp"), backend, network, params, few_samples(backend), SHORT,
        problem="fc-32-24 on noise", on_epoch=rows.append, on_batch=reports.append,
    )  # fmt: skip
    assert rows == result.epochs
    assert [(r.subject, r.problem, r.seed, r.epoch) for r in rows] == [
        ("spatial_bp", "fc-32-24 on noise", 0, 1),
        ("spatial_bp", "fc-32-24 on noise", 0, 2),
    ]
    assert [row.learning_rate for row in rows] == pytest.approx([0.1, 0.05])
    assert [(r.epoch, r.iteration, r.iterations) for r in reports] == [
        (1, 1, 6), (1, 2, 6), (1, 3, 6), (2, 4, 6), (2, 5, 6), (2, 6, 6)
    ]  # fmt: skip
    assert (reports[-1].loss, reports[-1].accuracy) == (rows[1].train_loss, rows[1].train_accuracy)


def test_divergence_names_place_estimator_and_remedy(train_by_name: Train) -> None:
    with pytest.raises(DivergenceError) as caught:
        train_by_name("zo_single_point", epochs=2, learning_rate=1e38)
    message = str(caught.value)
    assert message.startswith("zo_single_point: ")
    assert "in epoch 1, iteration " in message
    assert message.endswith("Lower the learning rate (now 1e+38).")
    assert "\n" not in message
    assert [(row.epoch, row.diverged) for row in caught.value.epochs] == [(1, True)]


def test_a_gradient_that_is_not_finite_stops_too(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    with pytest.raises(DivergenceError, match=r"gradient of hidden1.weight .* iteration 1 of 6"):
        train(Broken(), backend, network, params, few_samples(backend), SHORT)


def test_data_of_another_size_is_refused(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    wide = few_samples(backend)
    narrow = PlacedData(wide.train, replace(wide.test, inputs=wide.test.inputs[:, :7]))
    with pytest.raises(DataError, match=r"expected \(B, 64\)"):
        train(make_estimator("dfa"), backend, network, params, narrow, SHORT)


def test_a_sequence_is_indexed_along_its_samples(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    static = few_samples(backend)
    longer = PlacedData(
        *(
            replace(part, inputs=np.stack([part.inputs] * 4, axis=1))
            for part in (static.train, static.test)
        )
    )
    rows = [
        train(make_estimator("dfa"), backend, network, params, data, SHORT).epochs[-1]
        for data in (static, longer)
    ]
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, rel=1e-12)


def test_the_package_does_not_import_torch() -> None:
    code = "import sys, gradassay.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_place_data_uploads_floats_in_the_backends_dtype(data: PlacedData) -> None:
    batch = data.train.batch(np.arange(3))
    assert str(batch.inputs.dtype) == "torch.float32"
    assert (data.train.size, data.test.size) == (1437, 360)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_class_that_does_not_exist_is_found_wherever_it_stands(dtype: str) -> None:
    network = network_named("fc-4", 5, 3)
    inputs, targets = np.ones((9, 5), dtype=dtype), np.array([0, 1, 2, 0, 1, 2, 0, 3, 1])
    with pytest.raises(DataError, match=r"expected 0 to 2"):
        Samples(ReferenceBackend(), inputs, targets).require_fit(network)


def test_of_bytes_few_samples_are_looked_at_and_of_floats_all() -> None:
    network, seen = network_named("fc-4", 5, 3), []

    class Noting(ReferenceBackend):
        def asarray(self, array: Any) -> Any:
            seen.append(len(array))
            return super().asarray(array)

    for dtype, expected in (("uint8", 3), ("float32", 900)):
        seen.clear()
        inputs = np.ones((900, 5), dtype=dtype)
        Samples(Noting(), inputs, np.arange(900) % 3).require_fit(network)
        assert set(seen) == {expected}
