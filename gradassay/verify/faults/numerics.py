"""Faults of numerics: precision, clipping, restoring, order."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import draw_noise
from gradassay.core.params import Params
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.dkp import DKP
from gradassay.estimators.feedback_alignment import FeedbackAlignment
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.spsa import SPSA
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OtherErrors, OtherGradient, of_kind


@dataclass(frozen=True)
class GradientInSinglePrecision(OtherGradient, SpatialBP):
    """The gradient is rounded to float32 where float64 is computed in."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        return gradient.map(_rounded)


@dataclass(frozen=True)
class MatricesInSinglePrecision(OPZO):
    """M is kept in float32."""

    def absorb(self, state: State, contribution: State) -> State:
        right = super().absorb(state, contribution)
        return {name: _rounded(array) for name, array in right.items()}


@dataclass(frozen=True)
class CorrectionInSinglePrecision(OPZO):
    """``1 - lambda^k`` is computed in float32, where little is left of it."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        right = super().top_down(state, observed, layer, descent)
        if self.start != "zero":
            return right
        updates = max(float(state["updates"].reshape(-1)[0]), 1.0)
        exact = -np.expm1(updates * np.log(self.momentum))
        rounded = np.float32(1) - np.float32(self.momentum) ** np.float32(updates)
        return right * float(exact / float(rounded))


@dataclass(frozen=True)
class ClippedSilently(OtherGradient, ZOTwoPoint):
    """Entries of the gradient beyond 2 are cut off."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        return gradient.map(lambda array: array_namespace(array).clip(array, min=-2.0, max=2.0))


@dataclass(frozen=True)
class RestoredBySubtraction(SPSA):
    """Parameters are perturbed in place and moved back: they end a rounding error away."""

    def estimate(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        **options: Any,
    ) -> Estimate:
        right = super().estimate(backend, network, params, batch, state, key, **options)
        noise = draw_noise(self.noise, network, batch.size, key / "noise", dtype=backend.dtype)
        for name, z in noise.map(backend.asarray).values.items():
            for shift in (self.alpha, -2 * self.alpha, self.alpha):
                params[name][...] += shift * z[0, ...]
        return right


@dataclass(frozen=True)
class MeanOfHalves(SpatialBP):
    """The batch mean is the mean of two halves' means: wrong where B is odd."""

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        xp = array_namespace(signal)
        samples = signal.shape[1] // observed.replicates
        half = (samples + 1) // 2
        sizes = [half if number < half else samples - half for number in range(samples)]
        shares = [samples / (2 * size) if samples > 1 else 1.0 for size in sizes]
        weights = xp.stack([0 * signal[0, 0, 0] + share for share in shares * observed.replicates])
        return super().local_rule(observed, layer, signal * weights[:, None])


@dataclass(frozen=True)
class InputsScaledInPlace(FeedbackAlignment):
    """The inputs are scaled to a largest value of 1, in the caller's memory."""

    def estimate(
        self, backend: Any, network: Any, params: Params, batch: Batch, *g: Any, **o: Any
    ) -> Estimate:
        batch.inputs[...] /= batch.inputs.max()
        return super().estimate(backend, network, params, batch, *g, **o)


@dataclass(frozen=True)
class RoundedOnTorch(ForwardGradient):
    """On torch the slope is rounded to float32."""

    def directional(self, observed: Pass) -> Array:
        right = super().directional(observed)
        return right if isinstance(right, np.ndarray) else _rounded(right)


@dataclass(frozen=True)
class NotANumberReplaced(OtherGradient, DFA):
    """NaN is replaced by 0: a network that diverges seems to train."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        def replaced(array: Array) -> Array:
            xp = array_namespace(array)
            return xp.where(xp.isnan(array), xp.zeros_like(array), array)

        return gradient.map(replaced)


@dataclass(frozen=True)
class DivergedSkipped(OtherErrors, DKP):
    """Samples whose loss is not finite are left out."""

    def errors(self, observed: Pass) -> Array:
        right = observed.trace.errors
        xp = array_namespace(right)
        return xp.where(xp.isfinite(observed.trace.losses)[..., None], right, xp.zeros_like(right))


def _rounded(array: Array) -> Array:
    """Return float64 numbers rounded to float32."""
    xp = array_namespace(array)
    return xp.astype(xp.astype(array, xp.float32), array.dtype)


NUMERICS = of_kind(
    "numerics",
    (
        (
            "float32 claimed float64",
            GradientInSinglePrecision(),
            "matches_autograd",
            "spatial_bp",
        ),
        ("M kept in float32", MatricesInSinglePrecision(), "enumerated_momentum", "opzo"),
        (
            "1 - lambda^k in float32",
            CorrectionInSinglePrecision(),
            "enumerated_feedback",
            "opzo",
        ),
        ("gradient clipped silently", ClippedSilently(), "enumerated_mean", "zo_two_point"),
        (
            "parameters restored by subtraction",
            RestoredBySubtraction(),
            "same_key_same_bits",
            "spsa",
        ),
        ("mean of two halves' means", MeanOfHalves(), "matches_autograd", "spatial_bp"),
        (
            "inputs scaled in place",
            InputsScaledInPlace(),
            "same_key_same_bits",
            "feedback_alignment",
        ),
        ("rounded on torch only", RoundedOnTorch(), "backends_agree", "forward_gradient"),
        ("NaN replaced by 0", NotANumberReplaced(), "passes_on_nan", "dfa"),
        ("samples without a finite loss skipped", DivergedSkipped(), "passes_on_nan", "dkp"),
    ),
)
