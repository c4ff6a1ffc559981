from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.layers import Linear, Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.params import initial_params, key_normal
from gradassay.core.residual import residual
from gradassay.cost import Locking, locking, order_rows
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend

HIDDEN = ("hidden1", "hidden2", "hidden3")
CHAINED = ("spatial_bp", "bptt", "feedback_alignment", "sign_symmetric", "localzo")
LOCAL = ("local_learning",)
MIDDLE = ("intermediate_global",)
REFERENCE = ReferenceBackend()


def network_of(steps: int = 4, **options: Any) -> Network:
    return fully_connected(6, (7, 6, 5), 3, steps=steps, **options)


def found(
    estimator: Estimator, network: Network | None = None, backend: Backend = REFERENCE
) -> Locking:
    network = network or network_of()
    generator = Key(3).generator()
    batch = Batch(
        backend.asarray(generator.uniform(0, 2, (3, network.inputs))),
        backend.asarray(generator.integers(0, network.classes, 3)),
    )
    params = initial_params(network, Key(4), gain=2.0).map(backend.asarray)
    return locking(estimator, backend, network, params, batch, Key(5))


@pytest.mark.parametrize("subject", CHAINED)
def test_a_chained_signal_locks_every_hidden_layer_backwards(subject: str) -> None:
    locks = found(make_estimator(subject))
    assert locks.backward == locks.update_locked == set(HIDDEN)


DIRECT = sorted(set(zoo_names()) - {*CHAINED, *LOCAL, *MIDDLE})


@pytest.mark.parametrize("subject", DIRECT)
def test_a_direct_signal_locks_updates_and_nothing_backwards(subject: str) -> None:
    locks = found(make_estimator(subject))
    assert locks.update_locked == set(HIDDEN)
    assert locks.backward == set()


def test_local_learning_waits_for_its_own_layer_alone() -> None:
    locks = found(make_estimator("local_learning"))
    assert locks.waits_for == {"hidden1": "lif1", "hidden2": "lif2", "hidden3": "lif3"}
    assert locks.backward == locks.update_locked == set()


def test_intermediate_learning_waits_for_the_middle_layer() -> None:
    locks = found(make_estimator("intermediate_global"))
    assert locks.waits_for == {"hidden1": "lif2", "hidden2": "lif2", "hidden3": "lif3"}
    assert not locks.update_locked


def test_a_sum_of_methods_waits_for_what_any_part_waits_for() -> None:
    assert found(make_estimator("opzo+0.01*local_learning")).update_locked == set(HIDDEN)
    assert found(make_estimator("dfa+0.5*spatial_bp")).backward == set(HIDDEN)


@pytest.mark.parametrize("subject", [*zoo_names(), "opzo+0.01*local_learning"])
def test_all_but_bptt_and_spsa_can_update_at_every_step(subject: str) -> None:
    locks = found(make_estimator(subject))
    assert locks.each_step == (subject not in ("bptt", "spsa"))
    assert locks.back_in_time == (subject in ("bptt", "spsa"))


@pytest.mark.parametrize("subject", ["spatial_bp", "dfa", "opzo", "forward_gradient"])
def test_the_rule_that_is_exact_in_time_waits_for_later_steps(subject: str) -> None:
    assert found(make_estimator(subject, temporal="local_bptt")).back_in_time


def test_feedback_used_after_its_update_waits_for_all_outputs() -> None:
    assert not found(make_estimator("opzo", use="after")).each_step
    assert found(make_estimator("opzo", use="before")).each_step


def test_a_forward_gradient_in_weights_goes_step_by_step() -> None:
    assert found(make_estimator("forward_gradient", space="weight")).each_step


def test_a_loss_of_the_sequence_is_known_at_its_end() -> None:
    network = network_of(loss=Loss(over="sequence"))
    assert not found(make_estimator("spatial_bp"), network).each_step
    assert not found(make_estimator("local_learning"), network).each_step


def test_a_warm_up_and_feedback_that_starts_at_zero_hide_nothing() -> None:
    locks = found(make_estimator("opzo", warm_up=50, start="zero"))
    assert locks.update_locked == set(HIDDEN)


def test_one_step_has_no_later_ones() -> None:
    locks = found(make_estimator("bptt"), network_of(steps=1))
    assert locks.each_step
    assert not locks.back_in_time


@pytest.mark.parametrize("subject", ["spatial_bp", "opzo", "local_learning", "bptt"])
def test_backends_lock_alike(subject: str) -> None:
    estimator = make_estimator(subject)
    assert found(estimator) == found(estimator, backend=TorchBackend("float64"))


def test_a_gain_between_a_layer_and_its_neurons_is_no_backward_locking() -> None:
    network = residual((2, 9, 8), (1, 1), 3, width=2, steps=2)
    assert found(make_estimator("dfa"), network).backward == set()
    hidden = {layer.name for layer in network.weighted if network.below_neurons(layer.name)}
    assert found(make_estimator("spatial_bp"), network).backward == hidden


class Stranger(SignalEstimator):
    """From outside, claims nothing: the error of the output, and what comes down to layer 2."""

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        return {"direct": (network.spiking[0].units, network.classes)}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        shapes = self.state_shapes(network)
        return {name: backend.asarray(key_normal(key / name, s)) for name, s in shapes.items()}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        if layer.name == "lif1":
            return observed.trace.errors @ state["direct"].T
        if layer.name == "lif2":
            return descent.output(layer.name)
        return observed.trace.spikes["lif3"] * 0.5

    @property
    def record(self) -> Any:
        return super().record | {"spikes"}


def test_a_hidden_layer_may_be_called_output() -> None:
    network = Network((Linear("hidden", 6, 5), Spiking("output", 5), Linear("readout", 5, 3)))
    locks = found(make_estimator("local_learning"), network)
    assert locks.waits_for == {"hidden": "output"}
    assert locks.update_locked == set()
    assert found(make_estimator("dfa"), network).update_locked == {"hidden"}


def test_a_method_from_outside_is_classified_layer_by_layer() -> None:
    locks = found(Stranger())
    assert locks.waits_for == {"hidden1": None, "hidden2": "lif3", "hidden3": "lif3"}
    assert locks.backward == {"hidden2"}
    assert locks.each_step


class LooksAhead(Stranger):
    """Its signal is that of the last step."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        signal: np.ndarray = super().top_down(state, observed, layer, descent)
        return np.broadcast_to(signal[-1:], signal.shape)


def test_a_method_from_outside_that_looks_ahead_is_found_out() -> None:
    assert found(LooksAhead()).back_in_time


def test_rows_say_how_many_layers_wait() -> None:
    network = network_of()
    batch = Batch(Key(3).generator().uniform(0, 2, (2, 6)), np.array([0, 2]))
    zoo = {name: make_estimator(name) for name in ("spatial_bp", "dfa", "local_learning")}
    rows = order_rows(
        zoo, REFERENCE, network, initial_params(network, Key(4), gain=2.0), batch, Key(5), "small"
    )
    values = {(row.subject, row.quantity): row.value for row in rows}
    assert [values[name, "hidden_layers"] for name in zoo] == [3, 3, 3]
    assert [values[name, "update_locked_layers"] for name in zoo] == [3, 3, 0]
    assert [values[name, "backward_locked_layers"] for name in zoo] == [3, 0, 0]
    assert [values[name, "signals_at_once"] for name in zoo] == [1, 3, 3]
    assert [values[name, "steps_before_update"] for name in zoo] == [1, 1, 1]
