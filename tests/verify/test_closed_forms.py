"""Closed forms of zeroth-order and forward-gradient draws against the zoo's estimators.

One hidden layer, one step, MSE: the output is linear in the noise on the spikes, the loss exactly
quadratic with Hessian ``(2/m) W^T W``, and the gradient by hidden1.bias over psi is the draw of the
signal itself. Its square is a polynomial of degree 6 at most in each entry of the noise, so a Gauss
rule of four points an entry integrates it exactly where entries are independent; Rademacher noise
has two points, its signs. Both must agree to 1e-10.

What is sampled, from the zoo's own noise laws, has fixed seeds: every interval has level
1 - FAMILY / CASES, so that this file fails right code at a rate of FAMILY. The smallest relative
error that a case would miss at a rate of MISS is asserted before its draws, from a pilot with other
draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from gradassay.core.arrays import Array
from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Law, Noise, draw
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.closed_forms import (
    curvature_mean,
    curvature_square,
    kurtosis,
    quadratic_variance,
    single_point_variance,
    two_point_covariance,
    two_point_variance,
)
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
UNITS, CLASSES, ALPHA = 8, 3, 0.6
FAMILY, MISS, CASES, BLOCKS, DETECTED = 1e-3, 1e-3, 27, 64, 0.08
SAMPLED: tuple[Law, ...] = ("gaussian", "uniform", "laplace", "sphere")
INDEPENDENT: tuple[Law, ...] = ("rademacher", "gaussian", "uniform", "laplace")
# E z^(2 j) of one entry
EVEN_MOMENTS: dict[str, Callable[[int], float]] = {
    "gaussian": lambda j: math.factorial(2 * j) / (2**j * math.factorial(j)),
    "uniform": lambda j: 3**j / (2 * j + 1),
    "laplace": lambda j: math.factorial(2 * j) / 2**j,
}
DRAWS = {"gaussian": 120_000, "uniform": 80_000, "laplace": 400_000, "sphere": 60_000}

NETWORK = fully_connected(4, (UNITS,), CLASSES, steps=1, loss=Loss(mse_weight=1.0))
PARAMS = initial_params(NETWORK, Key(11), gain=1.0)
SAMPLE = Batch(Key(12).generator().random((1, 4)) * 2, np.array([1]))

# name in the zoo, options, form of `quadratic_variance`
FORMS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("forward_gradient", {}, "central"),
    ("pzo_two_point", {"alpha": ALPHA}, "central"),
    ("zo_two_point", {"alpha": ALPHA, "form": "central"}, "central"),
    ("zo_two_point", {"alpha": ALPHA, "form": "forward"}, "forward"),
    ("zo_single_point", {"alpha": ALPHA}, "single"),
)
NAMES = ("forward gradient", "pseudo", "central", "forward", "single")


def clean() -> tuple[Float, Float, float]:
    """Gradient by the activity, Hessian, loss, from a pass without noise."""
    trace = BACKEND.forward(NETWORK, PARAMS, SAMPLE)
    weight = PARAMS["readout.weight"]
    hessian = 2 / CLASSES * weight.T @ weight
    return weight.T @ trace.errors[0, 0], hessian, float(trace.losses[0, 0])


def all_signs(count: int) -> Float:
    bits = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float64)
    signs: Float = 1 - 2 * bits
    return signs


def gauss_rule(law: Law) -> tuple[Float, Float]:
    """Points (4^d, d) and weights that integrate degree 7 in each of d independent entries."""
    if law == "rademacher":
        return all_signs(UNITS), np.full(2**UNITS, 0.5**UNITS)
    fourth, sixth = (EVEN_MOMENTS[law](j) for j in (2, 3))
    # two points in y = z^2: roots of the quadratic orthogonal to 1 and y, with E y = 1
    slope, constant = np.linalg.solve([[1.0, 1.0], [fourth, 1.0]], [-fourth, -sixth])
    low, high = sorted(np.roots([1.0, slope, constant]).real)
    points = np.array([-np.sqrt(high), -np.sqrt(low), np.sqrt(low), np.sqrt(high)])
    outer, inner = (1 - low) / (high - low) / 2, (high - 1) / (high - low) / 2
    chosen = np.indices((4,) * UNITS).reshape(UNITS, -1).T
    return points[chosen], np.array([outer, inner, inner, outer])[chosen].prod(axis=1)


def sample_noise(law: Law, count: int, purpose: str) -> Float:
    generator = (Key(13) / law / purpose).generator()
    return draw(law, (count, UNITS), generator, np.float64)


def signals(name: str, options: dict[str, Any], z: Float, state: dict[str, Array]) -> Float:
    """The signal of every replicate at the hidden layer, (R, d)."""
    estimator = make_estimator(name, **options)
    scale = 1.0 if name == "forward_gradient" else options["alpha"]
    found = estimator.estimate(
        BACKEND,
        NETWORK,
        PARAMS,
        SAMPLE,
        state,
        Key(0),
        replicates=range(len(z)),
        noise=Noise(scale, {"lif1": z[None]}),
    )
    drawn: Float = found.gradient["hidden1.bias"] / found.trace.derivative["lif1"][0, :1]
    return drawn


def smallest_detectable(pilot: Float, count: int) -> float:
    """Relative error of a mean that an interval from `count` values would miss at rate MISS."""
    reach = stats.norm.isf(FAMILY / CASES / 2) + stats.norm.isf(MISS)
    return float(reach * pilot.std() / pilot.mean() / math.sqrt(count))


def assert_mean(values: Float, expected: float) -> None:
    blocks = values.reshape(BLOCKS, -1).mean(axis=1)
    interval = mean_interval(blocks, 1 - FAMILY / CASES, positive=expected > 0)
    assert interval.covers(expected), (interval, expected)


def expected_variance(law: Law, form: str) -> float:
    gradient, hessian, loss = clean()
    return quadratic_variance(
        law, gradient, hessian, form=cast(Any, form), alpha=ALPHA, offset=loss
    )


@pytest.mark.parametrize("law", INDEPENDENT)
@pytest.mark.parametrize(("name", "options", "form"), FORMS, ids=NAMES)
def test_mean_and_variance_on_a_quadratic_loss_are_exact(
    name: str, options: dict[str, object], form: str, law: Law
) -> None:
    z, weights = gauss_rule(law)
    drawn, gradient = signals(name, {**options, "law": law}, z, {}), clean()[0]
    np.testing.assert_allclose(weights @ drawn, gradient, rtol=1e-10)
    variance = float(weights @ ((drawn - gradient) ** 2).sum(axis=1))
    assert variance == pytest.approx(expected_variance(law, form), rel=1e-10)


@pytest.mark.parametrize("law", INDEPENDENT)
def test_covariance_of_a_two_point_draw_is_exact(law: Law) -> None:
    z, weights = gauss_rule(law)
    deviations = signals("forward_gradient", {"law": law}, z, {}) - clean()[0]
    covariance = (deviations * weights[:, None]).T @ deviations
    expected = two_point_covariance(law, clean()[0])
    np.testing.assert_allclose(covariance, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("law", INDEPENDENT)
def test_kurtosis_is_that_of_the_law(law: Law) -> None:
    z, weights = gauss_rule(law)
    np.testing.assert_allclose(weights @ z**4, kurtosis(law, UNITS), rtol=1e-12)


@pytest.mark.parametrize("law", ["gaussian", "uniform", "sphere"])
@pytest.mark.parametrize(("name", "options", "form"), FORMS, ids=NAMES)
def test_variance_on_a_quadratic_loss_holds_within_an_interval(
    name: str, options: dict[str, object], form: str, law: Law
) -> None:
    gradient, count = clean()[0], DRAWS[law] // BLOCKS * BLOCKS

    def squares(replicates: int, purpose: str) -> Float:
        z = sample_noise(law, replicates, f"{purpose} {form} {name}")
        drawn = signals(name, {**options, "law": law}, z, {})
        deviations: Float = ((drawn - gradient) ** 2).sum(axis=1)
        return deviations

    assert smallest_detectable(squares(count // 8, "pilot"), count) < DETECTED
    assert_mean(squares(count, "draws"), expected_variance(law, form))


@pytest.mark.parametrize("law", SAMPLED)
def test_every_term_of_the_single_point_variance_is_large_enough_to_be_missed(law: Law) -> None:
    """Power: dropping or doubling any one term moves the variance by more than DETECTED."""
    gradient, hessian, loss = clean()
    total = expected_variance(law, "single")
    terms = (
        two_point_variance(law, gradient),
        ALPHA**2 / 4 * curvature_square(law, hessian),
        UNITS * (loss / ALPHA) ** 2,
        loss * curvature_mean(law, hessian),
    )
    assert sum(terms) == pytest.approx(total, rel=1e-12)
    assert min(terms) > DETECTED * total


@pytest.mark.parametrize("law", SAMPLED)
def test_covariance_along_a_direction_holds_within_an_interval(law: Law) -> None:
    gradient, count = clean()[0], DRAWS[law] // BLOCKS * BLOCKS
    direction = Key(14).generator().standard_normal(UNITS)

    def squares(replicates: int, purpose: str) -> Float:
        z = sample_noise(law, replicates, f"{purpose} along")
        drawn = signals("forward_gradient", {"law": law}, z, {})
        deviations: Float = ((drawn - gradient) @ direction) ** 2
        return deviations

    assert smallest_detectable(squares(count // 8, "pilot"), count) < DETECTED
    expected = direction @ two_point_covariance(law, gradient) @ direction
    assert_mean(squares(count, "draws"), float(expected))


@pytest.mark.parametrize("law", SAMPLED)
def test_mean_on_a_quadratic_loss_is_the_gradient_along_itself(law: Law) -> None:
    gradient, count = clean()[0], DRAWS[law] // BLOCKS * BLOCKS

    def along(replicates: int, purpose: str) -> Float:
        z = sample_noise(law, replicates, f"{purpose} mean")
        drawn = signals("zo_single_point", {"alpha": ALPHA, "law": law}, z, {})
        return drawn @ gradient / float(gradient @ gradient)

    assert smallest_detectable(along(count // 8, "pilot"), count) < DETECTED
    assert_mean(along(count, "draws"), 1.0)


@pytest.mark.parametrize("law", SAMPLED)
def test_kurtosis_is_that_of_the_drawn_noise(law: Law) -> None:
    count = DRAWS[law] // BLOCKS * BLOCKS
    pilot = (sample_noise(law, count // 8, "kurtosis pilot") ** 4).mean(axis=1)
    assert smallest_detectable(pilot, count) < 0.06
    draws = (sample_noise(law, count, "kurtosis") ** 4).mean(axis=1)
    assert_mean(draws, kurtosis(law, UNITS))


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_a_baseline_moves_the_offset_of_a_single_point_and_nothing_else(baseline: float) -> None:
    memory, updates = 0.5, 3.0
    state = {"baseline": np.asarray(baseline), "updates": np.asarray(updates)}
    options = {"alpha": ALPHA, "law": "rademacher", "baseline": memory}
    drawn = signals("zo_single_point", options, all_signs(UNITS), state)
    gradient, hessian, loss = clean()
    offset = loss - baseline / (1 - memory**updates)
    expected = quadratic_variance(
        "rademacher", gradient, hessian, form="single", alpha=ALPHA, offset=offset
    )
    variance = ((drawn - gradient) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(drawn.mean(axis=0), gradient, rtol=1e-10)
    assert variance == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("form", ["central", "forward"])
def test_weight_space_differences_over_the_readout_are_exact_over_all_signs(form: str) -> None:
    """MSE is quadratic in the readout's weights; SPSA over them, all other parameters at rest."""
    network = fully_connected(3, (3,), 2, steps=1, loss=Loss(mse_weight=1.0))
    params = initial_params(network, Key(15), gain=0.5)
    params = params.map(lambda array: array + (array.ndim == 1))  # biases of 1: some spikes
    batch = Batch(Key(16).generator().random((2, 3)) * 2, np.array([0, 1]))
    z = all_signs(6)
    values = {name: np.zeros((len(z), *shape)) for name, shape in network.shapes.items()}
    values["readout.weight"] = z.reshape(-1, 2, 3)
    estimator = make_estimator("spsa", alpha=0.5, law="rademacher", form=form)
    found = estimator.estimate(
        BACKEND,
        network,
        params,
        batch,
        {},
        Key(0),
        replicates=range(len(z)),
        noise=Noise(0.5, values, "weights"),
    )
    trace = BACKEND.forward(network, params, batch, record={"spikes"})
    spikes, errors = trace.spikes["lif1"][0], trace.errors[0]
    gradient = (errors.T @ spikes / 2).ravel()
    # two classes: d^2 L / dW_c dW_c = (2/2) mean of s s^T, none between classes
    hessian = np.kron(np.eye(2), spikes.T @ spikes / 2)
    assert np.abs(hessian).max() > 0
    drawn = found.gradient["readout.weight"].reshape(len(z), -1)
    np.testing.assert_allclose(drawn.mean(axis=0), gradient, rtol=1e-10, atol=1e-13)
    variance = ((drawn - gradient) ** 2).sum(axis=1).mean()
    expected = quadratic_variance("rademacher", gradient, hessian, form=cast(Any, form), alpha=0.5)
    assert variance == pytest.approx(expected, rel=1e-10)


def test_the_single_point_form_without_curvature_is_the_quadratic_one() -> None:
    gradient, hessian, loss = clean()
    for law in SAMPLED:
        flat = quadratic_variance(
            law, gradient, 0 * hessian, form="single", alpha=ALPHA, offset=loss
        )
        assert flat == pytest.approx(
            single_point_variance(law, gradient, offset=loss, alpha=ALPHA), rel=1e-13
        )
        assert np.trace(two_point_covariance(law, gradient)) == pytest.approx(
            two_point_variance(law, gradient), rel=1e-13
        )


def test_the_general_forms_are_the_printed_ones() -> None:
    hessian = clean()[1]
    trace, square = float(np.trace(hessian)), float((hessian**2).sum())
    apart = square - float((np.diag(hessian) ** 2).sum())
    d = UNITS
    printed: dict[Law, tuple[float, float]] = {
        "gaussian": ((d + 4) * (2 * square + trace**2), (d + 2) * trace),
        "rademacher": (d * (trace**2 + 2 * apart), d * trace),
        "sphere": (d**2 / (d + 2) * (2 * square + trace**2), d * trace),
    }
    for law, (q, r) in printed.items():
        assert curvature_square(law, hessian) == pytest.approx(q, rel=1e-13)
        assert curvature_mean(law, hessian) == pytest.approx(r, rel=1e-13)


def test_unknown_laws_and_forms_are_refused() -> None:
    with pytest.raises(UsageError, match="noise law"):
        kurtosis(cast(Law, "gausian"), 3)
    with pytest.raises(ConfigurationError, match="dimension"):
        kurtosis("gaussian", 0)
    with pytest.raises(UsageError, match="form"):
        quadratic_variance("gaussian", np.ones(2), np.eye(2), form=cast(Any, "backward"), alpha=1.0)
