"""Closed forms of momentum feedback against the zoo's OPZO.

With one hidden layer the readout is linear in the noise on its spikes: J is the readout's weight,
the offsets are the clean outputs. ``M_k e`` at a fixed error is what OPZO sends down in a pass with
noise of 0. Rademacher noise is summed over all signs (1e-10); what is sampled has fixed seeds and
intervals of level 1 - FAMILY / CASES, and asserts the smallest error that it would see first.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Law, Noise, Pairing
from gradassay.core.params import Params, initial_params
from gradassay.estimators.opzo import OPZO
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.closed_forms import (
    feedback_mean,
    feedback_total_variance,
    feedback_variance,
    momentum_mean,
    momentum_squared_cosine,
    momentum_variance,
    paired_offsets,
    single_pass_mean,
)
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
ALPHA = 0.4
FAMILY, MISS, CASES, BLOCKS = 1e-3, 1e-3, 18, 40
Problem = tuple[Network, Params, Batch]


def problem(units: int, classes: int, *, steps: int, samples: int, mse: float = 1.0) -> Problem:
    network = fully_connected(4, (units,), classes, steps=steps, loss=Loss(mse_weight=mse))
    params = initial_params(network, Key(21), gain=1.5)
    generator = Key(22).generator()
    batch = Batch(generator.random((samples, 4)) * 2, generator.integers(0, classes, samples))
    return network, params.map(lambda array: array + 0.3 * (array.ndim == 1)), batch


def clean_outputs(given: Problem) -> Float:
    outputs: Float = BACKEND.forward(*given).outputs
    return outputs


def all_signs(count: int) -> Float:
    bits = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float64)
    signs: Float = 1 - 2 * bits
    return signs


def signed_noise(network: Network, samples: int, pairing: Pairing) -> dict[str, Float]:
    """Every combination of the free signs as noise of R replicates, (T, R*B, n) a layer."""
    steps, free_steps, free_samples = network.steps, network.steps, samples
    if pairing == "time":
        free_steps = (steps + 1) // 2
    if pairing == "batch":
        free_samples = samples // 2
    sizes = [free_steps * free_samples * layer.units for layer in network.spiking]
    signs, start = all_signs(sum(sizes)), 0
    values: dict[str, Float] = {}
    for layer, size in zip(network.spiking, sizes, strict=True):
        z = signs[:, start : start + size].reshape(-1, free_steps, free_samples, layer.units)
        if pairing == "time":
            z = np.stack([z, -z], axis=2).reshape(len(z), -1, samples, layer.units)[:, :steps]
        if pairing == "batch":
            z = np.concatenate([z, -z], axis=2)
        values[layer.name] = z.transpose(1, 0, 2, 3).reshape(steps, -1, layer.units)
        start += size
    return values


def after(method: OPZO, given: Problem, values: dict[str, Float], state: State) -> State:
    """The states of all replicates after one update with that noise."""
    rows = next(iter(values.values())).shape[1] // given[2].size
    noise = Noise(method.alpha, values)
    return method.estimate(
        BACKEND, *given, state, Key(0), replicates=range(rows), noise=noise
    ).state


def sent_down(method: OPZO, given: Problem, state: State) -> Float:
    """``M e`` of every replicate, e the clean error of a network with T = 1 and one sample."""
    rows = len(state["updates"])
    rest = Noise(method.alpha, {"lif1": np.zeros((1, rows, given[0].spiking[0].units))})
    found = method.estimate(BACKEND, *given, state, Key(0), replicates=range(rows), noise=rest)
    signal: Float = found.gradient["hidden1.bias"] / found.trace.derivative["lif1"][0]
    return signal


@pytest.mark.parametrize("pairing", ["none", "time", "batch"])
@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("steps", [1, 2])
def test_mean_and_variance_of_one_update_are_exact_over_all_signs(
    pairing: Pairing, samples: int, steps: int
) -> None:
    if (pairing, steps) == ("time", 1) or (pairing, samples) == ("batch", 1):
        with pytest.raises(ConfigurationError, match="even number"):
            paired_offsets(np.zeros((steps, samples, 2)), pairing)
        return
    given = problem(3, 2, steps=steps, samples=samples)
    network, params, _ = given
    method = OPZO(alpha=ALPHA, momentum=0.0, law="rademacher", pairing=pairing)
    start = method.init(BACKEND, network, Key(0))
    found = after(method, given, signed_noise(network, samples, pairing), start)["lif1"]
    jacobian, outputs = params["readout.weight"], clean_outputs(given)
    np.testing.assert_allclose(found.mean(axis=0), jacobian.T, rtol=1e-10)
    offsets, error = paired_offsets(outputs, pairing), np.array([0.7, -1.1])
    exact = ((found - jacobian.T) ** 2).sum(axis=(1, 2)).mean()
    total = feedback_total_variance("rademacher", jacobian, offsets=offsets, alpha=ALPHA)
    assert exact == pytest.approx(total, rel=1e-10)
    along = (((found - jacobian.T) @ error) ** 2).sum(axis=1).mean()
    expected = feedback_variance("rademacher", jacobian, error, offsets=offsets, alpha=ALPHA)
    assert along == pytest.approx(expected, rel=1e-10)


def test_opposite_signs_cancel_the_offset_only_where_clean_outputs_agree() -> None:
    outputs = clean_outputs(problem(3, 2, steps=2, samples=1))
    assert np.abs(paired_offsets(outputs, "time")).max() > 0.1
    same = np.repeat(outputs[:1], 2, axis=0)
    assert np.abs(paired_offsets(same, "time")).max() == 0


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("corrected", [True, False])
def test_momentum_is_exact_over_all_signs_of_three_updates(
    momentum: float, corrected: bool
) -> None:
    """2^12 paths of three updates; M e at the clean error."""
    given = problem(4, 3, steps=1, samples=1)
    network, params, _ = given
    method = OPZO(
        alpha=ALPHA,
        momentum=momentum,
        law="rademacher",
        pairing="none",
        start="zero" if corrected else "zero_uncorrected",
    )
    state = method.init(BACKEND, network, Key(0))
    jacobian, outputs = params["readout.weight"], clean_outputs(given)
    error = BACKEND.forward(*given).errors[0, 0]
    single = feedback_variance("rademacher", jacobian, error, offsets=outputs[0], alpha=ALPHA)
    paths = all_signs(12).reshape(-1, 3, 4)
    for update in (1, 2, 3):
        state = after(method, given, {"lif1": paths[None, :, update - 1]}, state)
        signal = sent_down(method, given, state)
        mean = momentum_mean(jacobian, momentum=momentum, updates=update, corrected=corrected)
        np.testing.assert_allclose(signal.mean(axis=0), mean @ error, rtol=1e-10, atol=1e-13)
        exact = ((signal - mean @ error) ** 2).sum(axis=1).mean()
        expected = momentum_variance(single, momentum=momentum, updates=update, corrected=corrected)
        assert exact == pytest.approx(expected, rel=1e-10)


def advanced(method: OPZO, given: Problem, replicates: int, updates: int, purpose: str) -> State:
    """The states of independent replicates after that many updates, noise from the key."""
    state = method.init(BACKEND, given[0], Key(0))
    for update in range(updates):
        key = Key(23) / purpose / update
        state = method.advance(BACKEND, *given, state, key, replicates=range(replicates))
    return state


def smallest_detectable(pilot: Float, count: int) -> float:
    """Relative error of a mean that an interval from `count` values would miss at rate MISS."""
    reach = stats.norm.isf(FAMILY / CASES / 2) + stats.norm.isf(MISS)
    return float(reach * pilot.std() / pilot.mean() / math.sqrt(count))


@pytest.mark.parametrize(
    ("law", "pairing", "momentum"),
    [
        ("gaussian", "none", 0.5),
        ("gaussian", "none", 0.9),
        ("gaussian", "time", 0.9),
        ("gaussian", "batch", 0.5),
        ("uniform", "time", 0.5),
        ("sphere", "none", 0.9),
    ],
)
def test_momentum_variance_holds_within_an_interval(
    law: Law, pairing: Pairing, momentum: float
) -> None:
    given, updates, count = problem(8, 3, steps=2, samples=2), 5, 10_000
    method = OPZO(alpha=1.0, momentum=momentum, law=law, pairing=pairing, start="zero_uncorrected")
    jacobian = given[1]["readout.weight"]
    mean = momentum_mean(jacobian, momentum=momentum, updates=updates, corrected=False)

    def squares(replicates: int, purpose: str) -> Float:
        found = advanced(method, given, replicates, updates, f"{purpose} {method}")["lif1"]
        deviations: Float = ((found - mean) ** 2).sum(axis=(1, 2))
        return deviations

    assert smallest_detectable(squares(count // 8, "pilot"), count) < 0.09
    offsets = paired_offsets(clean_outputs(given), pairing)
    total = feedback_total_variance(law, jacobian, offsets=offsets, alpha=1.0)
    expected = momentum_variance(total, momentum=momentum, updates=updates, corrected=False)
    blocks = squares(count, "draws").reshape(BLOCKS, -1).mean(axis=1)
    interval = mean_interval(blocks, 1 - FAMILY / CASES, positive=True)
    assert interval.covers(expected), (interval, expected)


@pytest.mark.parametrize("momentum", [0.8, 0.98])
@pytest.mark.parametrize("updates", [2, 10, 40])
@pytest.mark.parametrize("pairing", ["none", "batch"])
def test_cosine_of_feedback_and_jacobian_grows_as_the_law_says(
    momentum: float, updates: int, pairing: Pairing
) -> None:
    """The law is a ratio of means; the mean of the squared cosine is within (3 + 2 r s) / n of it.

    Relative to the law, to second order: with r = E|noise|^2 / |J|^2 and s the share of the largest
    squared singular value in |J|^2, the variance of |noise|^2 over its squared mean is at most 2/n
    (all offsets alike) and that of <M, J^T> / |J|^2 at most 2 r s / n; each moves the mean by at
    most itself. 1/n more for their covariance.
    """
    units, count = 256, 96 if updates == 2 else 32
    given = problem(units, 8, steps=1, samples=32)
    method = OPZO(alpha=1.0, momentum=momentum, pairing=pairing)
    jacobian = given[1]["readout.weight"]

    def cosines(replicates: int, purpose: str) -> Float:
        key = f"cosine {purpose} {pairing} {momentum}"
        found = advanced(method, given, replicates, updates, key)["lif1"]
        products = (found * jacobian.T).sum(axis=(1, 2))
        squares = (found**2).sum(axis=(1, 2)) * (jacobian**2).sum()
        squared: Float = products**2 / squares
        return squared

    law = cosine_law(given, pairing, momentum, updates)
    share = np.linalg.norm(jacobian, 2) ** 2 / (jacobian**2).sum()
    tolerance = (3 + 2 * (1 / law - 1) * share) / units
    assert smallest_detectable(cosines(16, "pilot"), count) + 2 * tolerance < 0.15
    interval = mean_interval(cosines(count, "draws"), 1 - FAMILY / CASES)
    assert interval.low - tolerance * law <= law <= interval.high + tolerance * law, (interval, law)


def cosine_law(given: Problem, pairing: Pairing, momentum: float, updates: int) -> float:
    jacobian = given[1]["readout.weight"]
    offsets = paired_offsets(clean_outputs(given), pairing)
    total = feedback_total_variance("gaussian", jacobian, offsets=offsets, alpha=1.0)
    return momentum_squared_cosine(total, jacobian, momentum=momentum, updates=updates)


def test_the_cosine_law_spans_from_noise_to_jacobian() -> None:
    """Power of the test above: its cases are not all at one end, and depend on both numbers."""
    given = problem(256, 8, steps=1, samples=32)
    grown = [cosine_law(given, "none", 0.98, k) for k in (2, 10, 40)]
    assert grown[0] < 0.2 < 0.75 < grown[-1]
    assert sorted(grown) == grown
    settled = [cosine_law(given, "none", 0.8, k) for k in (2, 10, 40)]
    assert settled[1] < 0.9 * grown[1]
    assert settled[2] < 0.7 * grown[2]


def step_jacobians(given: Problem, layer: str) -> Float:
    """J[s, t], mean over the batch, by central differences of the outputs, (T, T, m, n)."""
    network, _, batch = given
    units, step = network.layer(layer).outputs, 1e-5
    found = np.zeros((network.steps, network.steps, network.classes, units))
    for at, unit in np.ndindex(network.steps, units):
        z = np.zeros((network.steps, batch.size, units))
        z[at, :, unit] = 1.0
        moved = [
            BACKEND.forward(*given, noise=Noise(step, {layer: sign * z})).outputs
            for sign in (1.0, -1.0)
        ]
        found[:, at, :, unit] = (moved[0] - moved[1]).mean(axis=1) / (2 * step)
    return found


@pytest.mark.parametrize(
    ("pairing", "output", "steps", "samples"),
    [
        ("none", "step", 2, 1),
        ("none", "step", 3, 1),
        ("time", "step", 2, 1),
        ("time", "step", 3, 1),
        ("time", "step", 4, 1),
        ("batch", "step", 2, 2),
        ("none", "sequence", 3, 1),
        ("batch", "sequence", 2, 2),
    ],
)
def test_mean_feedback_over_time_is_that_of_the_step_jacobians(
    pairing: Pairing, output: str, steps: int, samples: int
) -> None:
    """Smooth neurons, all signs, alpha = 1e-4: the mean is the Jacobian to order alpha^2."""
    network = fully_connected(
        3,
        (2, 2),
        2,
        steps=steps,
        neuron=Neuron(smooth=True),
        loss=Loss(over="sequence" if output == "sequence" else "step"),
    )
    params = initial_params(network, Key(24), gain=2.5)
    generator = Key(25).generator()
    batch = Batch(generator.random((samples, 3)) * 2, generator.integers(0, 2, samples))
    method = OPZO(
        alpha=1e-4,
        momentum=0.0,
        law="rademacher",
        pairing=pairing,
        output=output,  # type: ignore[arg-type]
    )
    given = (network, params, batch)
    start = method.init(BACKEND, network, Key(0))
    found = after(method, given, signed_noise(network, samples, pairing), start)
    for layer in ("lif1", "lif2"):
        jacobians = step_jacobians(given, layer)
        expected = feedback_mean(jacobians, pairing=pairing, output=output)  # type: ignore[arg-type]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found[layer].mean(axis=0), expected, rtol=0, atol=1e-6 * scale)
        lagged = np.abs(np.triu(jacobians.max(axis=(2, 3)).T, 1)).max()
        assert (lagged > 1e-3 * scale) == (layer == "lif1")


def test_pairs_over_time_with_outputs_of_the_sequence_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cancel"):
        feedback_mean(np.zeros((2, 2, 1, 1)), pairing="time", output="sequence")


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.75])
def test_a_single_pass_bends_the_error_by_the_product_rule(samples: int, momentum: float) -> None:
    """MSE, all signs: the mean signal holds J^T (2 o - y) where M was updated before use."""
    given = problem(5, 3, steps=1, samples=samples)
    network, params, batch = given
    matrix = Key(26).generator().standard_normal((5, 3))
    jacobian, targets = params["readout.weight"], np.eye(3)[batch.targets]
    outputs = clean_outputs(given)[0]
    values = signed_noise(network, samples, "none")
    noise, rows = Noise(ALPHA, values), range(values["lif1"].shape[1] // samples)
    for use, share in (("before", 1.0), ("after", momentum)):
        method = OPZO(
            alpha=ALPHA,
            momentum=momentum,
            law="rademacher",
            pairing="none",
            use=use,  # type: ignore[arg-type]
            start="given",
            feedback={"lif1": matrix},
        )
        state = method.init(BACKEND, network, Key(0))
        found = method.estimate(BACKEND, *given, state, Key(0), replicates=rows, noise=noise)
        psi = found.trace.derivative["lif1"][0, :samples]
        expected = np.zeros(5)
        for b in range(samples):
            signal = share * matrix @ (outputs[b] - targets[b])
            if use == "after":
                signal = signal + single_pass_mean(
                    jacobian, outputs[b], targets[b], momentum=momentum, samples=samples
                )
            expected += psi[b] * 2 / 3 * signal / samples
        mean = found.gradient["hidden1.bias"].mean(axis=0)
        np.testing.assert_allclose(mean, expected, rtol=1e-10, atol=1e-14)


def test_one_draw_gives_the_jacobian_times_twice_the_output_less_the_target() -> None:
    jacobian = np.array([[1.0, 2.0], [0.5, -1.0]])
    output, target = np.array([0.3, 0.9]), np.array([0.0, 1.0])
    expected = jacobian.T @ (2 * output - target)
    np.testing.assert_allclose(single_pass_mean(jacobian, output, target), expected, rtol=1e-14)
