"""Level 2: whether the noise that an estimator draws and injects has the law that it claims.

The noise is read off the forward passes, so no gradient and no oracle are needed. What holds with
certainty is looked at bit by bit: places, scale, pairs of opposite sign, signs that are 1 or -1,
points that lie on their sphere, no draw twice. What holds in the mean is tested over some thousand
draws: every coordinate's mean and variance, the correlation of every two coordinates (of units,
layers, steps, samples), of every draw with the next, and the kurtosis. Under the claimed law the
standard errors are known numbers; each family of tests gets its share of the false-alarm rate,
divided over its members (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gradassay.core.builders import convolutional
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.records import CheckResult, Verdict
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Given, Settings, cached_problems
from gradassay.verify.checks.options import accepts, noise_or_none
from gradassay.verify.checks.recording import RecordingBackend
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.small_problems import SmallProblem, dyadic, dyadic_problem
from gradassay.verify.oracles.zeroth_order_laws import kurtosis
from gradassay.verify.statistics.moments import Float

REPLICATES, KEYS = 256, 32
# of a moment: with these draws the interval of a right law's, also Laplace's variance, is within it
LARGEST_DEVIATION = 0.3
# kinds of moments that are tested, each with an equal share of the rate
KINDS = 5
# of a radius, relative: an estimator may draw in single precision
RADIUS_ROUNDING = 1e-6
# E z^8 of the laws of independent entries that have a density
_EIGHTH = {"gaussian": 105.0, "uniform": 9.0, "laplace": 2520.0}


@dataclass(frozen=True)
class Deviation:
    """How far a moment of the noise is from its law's, at the coordinate where it is farthest."""

    what: str
    size: float
    half_width: float


def noise_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check of the noise, where some is injected."""
    model = noise_or_none(estimator)
    injected = model is not None and model.injected
    for problem in cached_problems(noise_problems, settings.seed):
        if injected and accepts(estimator, problem):
            yield Case(name, estimator, problem, NOISE, settings)


def noise_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems with an odd number of steps and an even one of samples.

    Two layers; three of one size, more steps and samples; a convolution: on each, noise can be
    repeated where the others have nothing.
    """
    maps = convolutional((1, 4, 4), "2C3-AP2-2C3-FC", 3, standardised=False, steps=3)
    return (
        dyadic_problem((5, 4), steps=5, seed=seed, samples=4),
        dyadic_problem((4, 4, 4), steps=9, seed=seed, samples=10),
        dyadic("2C3-AP2-2C3, T=3", maps, seed, samples=2),
    )


def noise_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Compare the noise in the forward passes with the claimed law."""
    model = noise_model(case.estimator)
    network, samples = case.problem.network, case.problem.batch.size
    noises = _recorded(case)
    wrong = _certain(model, network, samples, noises)
    if wrong:
        yield _result(case, model, "FAIL", Deviation("certain properties", math.inf, 0.0), wrong)
        return
    draws = _free_coordinates(model, network, noises)
    repeated = len(draws) - len(np.unique(draws, axis=0))
    if repeated:
        wrong = f"{repeated} of {len(draws)} draws are repetitions of others, under other keys"
        yield _result(case, model, "FAIL", Deviation("certain properties", math.inf, 0.0), wrong)
        return
    found = deviations(model, draws, case.rate)
    worst = max(found, key=lambda d: (d.size > d.half_width, d.size + d.half_width))
    proven = "; ".join(f"{d.what}: off by {d.size:.3g}" for d in found if d.size > d.half_width)
    tight = all(d.size + d.half_width <= LARGEST_DEVIATION for d in found)
    yield _result(
        case, model, "FAIL" if proven else "PASS" if tight else "INCONCLUSIVE", worst, proven
    )


def _recorded(case: Case) -> list[Noise]:
    """Return the noise of the first noisy pass under many keys, some beyond 32 and 64 bits."""
    given, noises = Given.of(case, ReferenceBackend()), []
    for number in range(KEYS):
        far = (0, 2**32, 2**64, 2**80)[number % 4]
        key = Key(case.key.seed + far, case.key.path) / "draw" / (number // 4)
        backend = RecordingBackend()
        case.estimator.estimate(
            backend,
            case.problem.network,
            given.params,
            given.batch,
            given.state,
            key,
            replicates=range(REPLICATES),
        )
        noises += backend.noises[:1]
    return noises


def _certain(model: NoiseModel, network: Network, samples: int, noises: list[Noise]) -> str:
    """Return what contradicts the claim with certainty; empty where nothing does."""
    if not noises:
        return "no forward pass carried noise"
    if len(noises) < KEYS:
        return f"under {KEYS - len(noises)} of {KEYS} keys no forward pass carried noise"
    wrong = next(filter(None, (_wrong_form(model, network, samples, one) for one in noises)), "")
    if wrong:
        return wrong
    for layer in network.spiking:
        z = np.concatenate([np.asarray(n.values[layer.name]) for n in noises], axis=1)
        wrong = _wrong_support(model, z) or _wrong_pairs(model, z, samples)
        if wrong:
            return f"{layer.name}: {wrong}"
    return ""


def _wrong_form(model: NoiseModel, network: Network, samples: int, noise: Noise) -> str:
    """Return whether the noise of a pass has other places, scale or shapes than are claimed."""
    names = [layer.name for layer in network.spiking]
    if sorted(noise.values) != sorted(names):
        return (
            f"noise in {', '.join(sorted(noise.values)) or 'no layer'}; expected in all of {names}"
        )
    if (noise.position, noise.scale) != (model.position, model.scale):
        found, claimed = (f"alpha {n.scale:g} on the {n.position}" for n in (noise, model))
        return f"noise of {found}; expected {claimed}"
    for layer in network.spiking:
        shape = np.shape(noise.values[layer.name])
        expected = (network.steps, REPLICATES * samples, layer.units)
        if shape != expected:
            return f"noise of {layer.name} has shape {shape}; expected {expected}"
    return ""


def _wrong_support(model: NoiseModel, z: Float) -> str:
    """Return which values cannot occur under the law, if some did."""
    if not np.isfinite(z).all():
        return "values that are not finite"
    if model.law == "rademacher" and not (np.abs(z) == 1).all():
        return f"values such as {z[np.abs(z) != 1][0]:.4g}; expected 1 or -1"
    if model.law == "uniform" and np.abs(z).max() > math.sqrt(3):
        return f"values up to {np.abs(z).max():.4g}; expected at most sqrt 3"
    if model.law == "sphere":
        radii, radius = np.linalg.norm(z, axis=-1), math.sqrt(z.shape[-1])
        if np.abs(radii / radius - 1).max() > RADIUS_ROUNDING:
            return f"radii such as {radii.flat[0]:.4g}; expected {radius:.4g}"
    return ""


def _wrong_pairs(model: NoiseModel, z: Float, samples: int) -> str:
    """Return whether steps or samples that should carry opposite noise do not."""
    if model.pairing == "time":
        pairs = z.shape[0] // 2 * 2
        if not (z[0:pairs:2] == -z[1:pairs:2]).all():
            return "steps 2j and 2j + 1 do not carry opposite noise"
    if model.pairing == "batch":
        by_sample = z.reshape(z.shape[0], -1, samples, z.shape[-1])
        half = samples // 2
        if not (by_sample[:, :, :half] == -by_sample[:, :, samples - half :]).all():
            return "the two halves of the batch do not carry opposite noise"
    return ""


def _free_coordinates(model: NoiseModel, network: Network, noises: list[Noise]) -> Float:
    """Return all coordinates that are drawn on their own, one row a draw."""
    columns = []
    for layer in network.spiking:
        z = np.stack([np.asarray(noise.values[layer.name]) for noise in noises])
        keys, steps, rows, units = z.shape
        z = z.reshape(keys, steps, REPLICATES, rows // REPLICATES, units)
        z = z[:, ::2] if model.pairing == "time" else z
        z = z[..., : (z.shape[3] + 1) // 2, :] if model.pairing == "batch" else z
        columns.append(np.moveaxis(z, 1, 2).reshape(keys * REPLICATES, -1))
    return np.concatenate(columns, axis=1)


def deviations(model: NoiseModel, draws: Float, rate: float) -> list[Deviation]:
    """Return the largest deviation of each kind of moment, with its half width.

    Parameters
    ----------
    model : NoiseModel
        The claimed law.
    draws : array, shape (N, d)
        Independent draws of coordinates that should be uncorrelated.
    rate : float
        False-alarm rate of all together; each kind has a fifth of it.

    Notes
    -----
    Standard errors under the law: of a mean ``1/sqrt N``, of a variance ``sqrt((k4 - 1)/N)``, of a
    correlation of two coordinates ``1/sqrt N`` (less on a sphere), of the correlation of a draw
    with the next ``1/sqrt(N d)``, of the kurtosis ``sqrt((E z^8 - k4^2)/(N d))``; quantiles of the
    normal law. Products of independent signs are independent signs: there the number of positive
    ones is binomial, and the rate is exact.
    """
    count, dimension = draws.shape
    # on a sphere the kurtosis depends on the layer's size: its radius has been looked at instead
    fourth = kurtosis(model.law, dimension)

    def worst(what: str, values: Float, error: float, terms: int = count) -> Deviation:
        tail = rate / KINDS / 2 / values.size
        half_width = float(stats.norm.isf(tail)) * error
        if model.law == "rademacher":
            half_width = 2 * float(stats.binom.isf(tail, terms, 0.5)) / terms - 1
        return Deviation(what, float(np.abs(values).max()), half_width)

    products = draws.T @ draws / count
    pairs = products[np.triu_indices(dimension, 1)]
    successive = (count - 1) * dimension
    serial = np.array([(draws[:-1] * draws[1:]).sum() / successive])
    found = [
        worst("mean of a coordinate", draws.mean(axis=0), 1 / math.sqrt(count)),
        worst("correlation of two coordinates", pairs, 1 / math.sqrt(count)),
        worst("correlation of a draw with the next", serial, successive**-0.5, successive),
    ]
    if model.law != "rademacher":  # signs have no other variance
        error = math.sqrt((fourth - 1) / count)
        found.append(worst("variance of a coordinate", np.diag(products) - 1, error))
    if model.law not in ("rademacher", "sphere"):
        error = math.sqrt((_EIGHTH[model.law] - fourth**2) / (count * dimension)) / fourth
        excess = np.array([(draws**4).mean() / fourth - 1])
        found.append(worst("kurtosis, relative", excess, error))
    return found


def _result(
    case: Case, model: NoiseModel, verdict: Verdict, worst: Deviation, detail: str
) -> CheckResult:
    """Return the row."""
    told = f"{model.law} noise on the {model.position}, pairing {model.pairing}"
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=f"the noise injected is {told}, alpha {model.scale:g}, independent elsewhere",
        verdict=verdict,
        measured=worst.size,
        low=max(worst.size - worst.half_width, 0.0),
        high=worst.size + worst.half_width,
        bound=LARGEST_DEVIATION,
        detail=detail,
        evaluations=REPLICATES * KEYS,
        seed=case.settings.seed,
        quantity="deviation of a moment of the noise from its law's",
        false_alarm_rate=case.rate,
        planned=REPLICATES * KEYS,
        budget=REPLICATES * KEYS,
        look=1,
    )


NOISE = Check("noise_as_claimed", 2, noise_as_claimed)
