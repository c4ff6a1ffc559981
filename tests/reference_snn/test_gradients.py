"""Gradients by the book on graphs with every kind of layer, and with noise."""

from __future__ import annotations

import numpy as np
import pytest

from gradassay.core.layers import Linear, Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Reset
from gradassay.core.trace import Recorded
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.neuron import surrogate_derivative
from tests.reference_snn.problems import (
    SAMPLES,
    chain,
    direction_of,
    every_kind,
    random_batch,
    random_noise,
    random_params,
)

BACKEND = ReferenceBackend()
RESETS: tuple[Reset, ...] = ("soft", "hard", "none")


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("spiking_readout", [False, True])
def test_bptt_is_the_finite_difference_gradient_by_each_parameter_of_each_kind_of_layer(
    reset: Reset, spiking_readout: bool, noisy: bool
) -> None:
    network = every_kind(reset, spiking_readout=spiking_readout)
    params, batch = random_params(network), random_batch(network, sequence=noisy)
    # noise on the membrane potential: the firing alone sees it, so that the inputs of layers that
    # the gradient multiplies with are those that were received
    noise = random_noise(network, "membrane") if noisy else None
    gradient = bptt_gradient(network, params, batch, noise, reset_gradient=True)
    assert {n: a.shape for n, a in gradient.items()} == network.shapes
    direction = direction_of(params)
    step = 1e-5
    for name in params:

        def mean_loss(size: float, moved: str = name) -> float:
            there = {n: a + size * direction[n] * (n == moved) for n, a in params.items()}
            trace = BACKEND.forward(network, type(params)(there), batch, noise=noise)
            return float(trace.losses.sum(axis=0).mean())

        slope = (mean_loss(step) - mean_loss(-step)) / (2 * step)
        found = float((gradient[name] * direction[name]).sum())
        assert found == pytest.approx(slope, rel=1e-6, abs=1e-10), name


def test_the_cut_gradient_leaves_out_the_path_through_the_reset_alone() -> None:
    params, batch = random_params(chain()), random_batch(chain())

    def both(reset: Reset) -> list[np.ndarray]:
        network = chain(reset)
        return [
            bptt_gradient(network, params, batch, reset_gradient=keep)["hidden1.weight"]
            for keep in (True, False)
        ]

    kept, cut = both("none")
    np.testing.assert_array_equal(kept, cut)
    for reset in ("soft", "hard"):
        kept, cut = both(reset)
        assert np.abs(kept - cut).max() > 1e-3 * np.abs(cut).max()


@pytest.mark.parametrize("noise", [None, "spike", "membrane"])
def test_the_readouts_gradient_is_the_errors_times_the_clean_spikes(noise: str | None) -> None:
    network = chain()
    params, batch = random_params(network), random_batch(network)
    given = None if noise is None else random_noise(network, noise)  # type: ignore[arg-type]
    trace = BACKEND.forward(network, params, batch, noise=given, record=frozenset({"spikes"}))
    expected = np.einsum("tbm,tbn->mn", trace.errors, trace.spikes["lif2"]) / SAMPLES
    for found in (
        online_gradient(network, params, batch, given),
        bptt_gradient(network, params, batch, given, reset_gradient=True),
    ):
        np.testing.assert_allclose(found["readout.weight"], expected, rtol=1e-12)
        bias = trace.errors.sum(axis=(0, 1)) / SAMPLES
        np.testing.assert_allclose(found["readout.bias"], bias, rtol=1e-12)


def test_at_one_step_the_online_gradient_is_that_through_time() -> None:
    network = every_kind(spiking_readout=True).replace(steps=1)
    params, batch = random_params(network), random_batch(network)
    online = online_gradient(network, params, batch)
    through_time = bptt_gradient(network, params, batch, reset_gradient=True)
    for name, array in online.items():
        np.testing.assert_allclose(array, through_time[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("spiking", [False, True])
def test_feedback_of_the_readouts_weights_is_spatial_backpropagation_for_one_hidden_layer(
    spiking: bool,
) -> None:
    last = (Spiking("out", 3),) if spiking else ()
    network = Network(
        (Linear("hidden1", 5, 4), Spiking("lif1", 4), Linear("readout", 4, 3), *last),
        Neuron(0.75, 0.8),
        steps=4,
    )
    params, batch = random_params(network), random_batch(network)
    feedback = {"lif1": params["readout.weight"].T}
    spatial = online_gradient(network, params, batch)
    direct = online_gradient(network, params, batch, feedback=feedback)
    for name in ("readout.weight", "readout.bias"):
        np.testing.assert_array_equal(direct[name], spatial[name])
        assert spatial[name].any()
    same = np.allclose(direct["hidden1.weight"], spatial["hidden1.weight"], rtol=1e-12)
    # the error of a spiking readout goes down through its surrogate derivative, feedback does not
    assert same is not spiking


def test_direct_feedback_by_hand_in_two_hidden_layers() -> None:
    network = chain()
    params, batch = random_params(network), random_batch(network)
    generator = np.random.default_rng(0)
    feedback = {"lif1": generator.normal(size=(4, 3)), "lif2": generator.normal(size=(6, 3))}
    noise = random_noise(network)
    record: frozenset[Recorded] = frozenset({"membrane", "eligibility"})
    trace = BACKEND.forward(network, params, batch, noise=noise, record=record)
    found = online_gradient(network, params, batch, noise, feedback=feedback)
    for number in (1, 2):
        psi = surrogate_derivative(network.neuron, trace.membrane[f"lif{number}"])
        delta = psi * (trace.errors @ feedback[f"lif{number}"].T)
        traced = trace.eligibility[f"hidden{number}"]
        expected = np.einsum("tbi,tbj->ij", delta, traced.values) / SAMPLES
        np.testing.assert_allclose(found[f"hidden{number}.weight"], expected, rtol=1e-12)
        bias = np.einsum("tbi,t->i", delta, traced.bias) / SAMPLES
        np.testing.assert_allclose(found[f"hidden{number}.bias"], bias, rtol=1e-12)


# ---- losses ----------------------------------------------------------------------
TARGETS = np.array([0, 1])
OUTPUTS = np.array([[[0.5, np.log(3.0)], [-1.0, 2.0]], [[1.5, 0.0], [3.0, -1.0]]])


def test_losses_of_steps_and_samples_by_hand() -> None:
    losses, errors = losses_and_errors(Loss(0.25), OUTPUTS, TARGETS, 4)
    assert losses.shape == (2, 2)
    assert errors.shape == OUTPUTS.shape
    for t, b in np.ndindex(2, 2):
        o, y = OUTPUTS[t, b], np.eye(2)[TARGETS[b]]
        entropy = np.log(np.exp(o).sum()) - o[TARGETS[b]]
        squared = ((o - y) ** 2).sum() / 2
        assert losses[t, b] == pytest.approx((0.75 * entropy + 0.25 * squared) / 4, rel=1e-14)
        slope = 0.75 * (np.exp(o) / np.exp(o).sum() - y) + 0.25 * (o - y)
        np.testing.assert_allclose(errors[t, b], slope / 4, rtol=1e-13)


def test_a_loss_of_the_sequence_is_that_of_the_mean_output_spread_over_the_steps() -> None:
    step = losses_and_errors(Loss(0.25), OUTPUTS.mean(axis=0, keepdims=True), TARGETS, 1)
    sequence = losses_and_errors(Loss(0.25, "sequence"), OUTPUTS, TARGETS, 2)
    for whole, spread in zip(step, sequence, strict=True):
        assert spread.shape[0] == 2
        for part in spread:
            np.testing.assert_allclose(part, whole[0] / 2, rtol=1e-15)


def test_extreme_outputs_have_finite_losses() -> None:
    with np.errstate(all="raise", under="ignore"):
        losses, errors = losses_and_errors(
            Loss(), np.array([[[1e4, -1e4, 0.0]], [[-1e4, 1e4, 0.0]]]), np.array([0]), 1
        )
    assert losses.tolist() == [[0.0], [2e4]]
    assert errors.tolist() == [[[0.0, 0.0, 0.0]], [[-1.0, 1.0, 0.0]]]
