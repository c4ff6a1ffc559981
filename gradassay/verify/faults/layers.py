"""Faults of layer maths: biases, convolutions, pools, standardisation, residual sums, sums."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.estimator import State
from gradassay.core.layers import AvgPool, Conv2d, Linear, Spiking
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators.descent import Descent
from gradassay.estimators.feedback_alignment import FeedbackAlignment
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.sign_symmetric import SignSymmetric
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.verify.faults.changes import OtherGradient, of_kind


@dataclass(frozen=True)
class BiasGradientMissing(OtherGradient, SpatialBP):
    """The bias of the first layer is not learnt."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        name = f"{observed.network.weighted[0].name}.bias"
        return Params({n: 0 * a if n == name else a for n, a in gradient.items()})


@dataclass(frozen=True)
class KernelNotFlipped(SpatialBP):
    """The error goes down through a convolution with the kernel turned by half a circle."""

    def weight_down(self, state: State, observed: Pass, layer: Linear | Conv2d) -> Array:
        weight = super().weight_down(state, observed, layer)
        if isinstance(layer, Linear):
            return weight
        return array_namespace(weight).flip(weight, axis=(-2, -1))


@dataclass(frozen=True)
class KernelTransposed(SignSymmetric):
    """Rows and columns of a kernel are swapped on the way down."""

    def weight_down(self, state: State, observed: Pass, layer: Linear | Conv2d) -> Array:
        weight = super().weight_down(state, observed, layer)
        if isinstance(layer, Linear):
            return weight
        return array_namespace(weight).matrix_transpose(weight)


@dataclass(frozen=True)
class PaddingOneColumnOff(OtherGradient, FeedbackAlignment):
    """The weight gradient of a convolution sees its input one column aside."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        kernels = {f"{x.name}.weight" for x in observed.network.weighted if isinstance(x, Conv2d)}
        return Params(
            {
                name: array_namespace(a).roll(a, 1, axis=-1) if name in kernels else a
                for name, a in gradient.items()
            }
        )


@dataclass(frozen=True)
class StrideOneRowOff(OtherGradient, SpatialBP):
    """The positions of a kernel with a stride of 2 start one row late in the weight gradient."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        layers = [x for x in observed.network.weighted if isinstance(x, Conv2d) and x.stride > 1]
        names = {f"{layer.name}.weight" for layer in layers}
        return Params(
            {
                name: array_namespace(a).roll(a, 1, axis=-2) if name in names else a
                for name, a in gradient.items()
            }
        )


@dataclass(frozen=True)
class BiasMeanOverPositions(OtherGradient, FeedbackAlignment):
    """The bias gradient of a convolution is a mean over positions, not a sum."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        positions = {
            f"{layer.name}.bias": layer.outputs // layer.channels
            for layer in observed.network.weighted
            if isinstance(layer, Conv2d)
        }
        return Params({name: a / positions.get(name, 1) for name, a in gradient.items()})


@dataclass(frozen=True)
class PoolUnscaled(SpatialBP):
    """The error goes down through an average pool as through a sum."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        fed = observed.network.consumers(layer.name)
        sizes = [pool.kernel**2 for pool in fed if isinstance(pool, AvgPool)]
        return super().top_down(state, observed, layer, descent) * (sizes[0] if sizes else 1)


@dataclass(frozen=True)
class OneChannelMissing(OtherGradient, SpatialBP):
    """The last channel of the second convolution is not learnt."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        if "conv2.weight" not in gradient:
            return gradient
        right = gradient["conv2.weight"]
        parts = [right[..., :-1, :, :, :], 0 * right[..., -1:, :, :, :]]
        joined = array_namespace(right).concat(parts, axis=-4)
        return Params({**gradient, "conv2.weight": joined})


@dataclass(frozen=True)
class StandardisationIgnored(OtherGradient, SpatialBP):
    """The derivative by the standardised weight is taken for that by the weight."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        arrays = dict(gradient)
        deltas = self.deltas({}, observed)
        for layer in observed.network.weighted:
            if isinstance(layer, Linear | Conv2d) and layer.standardised:
                bare = msgspec.structs.replace(layer, standardised=False)
                seen = self.presynaptic(observed.trace, layer.name)
                arrays |= observed.backend.weight_gradient(
                    bare, observed.params, deltas[layer.name], seen, replicates=folded
                )
        return Params(arrays)


@dataclass(frozen=True)
class ProjectionNotLearnt(SpatialBP):
    """The projection beside a residual block gets no gradient."""

    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        right = super().deltas(state, observed)
        return {name: a * (0 if name.endswith("shortcut") else 1) for name, a in right.items()}


@dataclass(frozen=True)
class BiasTangentMissing(ForwardGradient):
    """In weight space the tangent does not move the biases."""

    def directional(self, observed: Pass) -> Array:
        if self.space == "node" or observed.noise is None:
            return super().directional(observed)
        values = {
            name: 0 * v if name.endswith(".bias") else v
            for name, v in observed.noise.values.items()
        }
        noise: Noise = replace(observed.noise, values=values)
        return super().directional(replace(observed, noise=noise))


@dataclass(frozen=True)
class ReadoutInEveryPart(Hybrid):
    """The exact gradient above the last hidden layer is counted once for each part."""

    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        right = super().deltas(state, observed)
        below = observed.network.below_neurons
        return {name: a * (1 if below(name) else len(self.parts)) for name, a in right.items()}


LAYERS = of_kind(
    "layers",
    (
        ("bias gradient missing", BiasGradientMissing(), "matches_autograd", "spatial_bp"),
        ("kernel not flipped", KernelNotFlipped(), "matches_autograd", "spatial_bp"),
        ("kernel transposed", KernelTransposed(), "matches_oracle", "sign_symmetric"),
        ("padding one column off", PaddingOneColumnOff(), "matches_oracle", "feedback_alignment"),
        ("stride one row off", StrideOneRowOff(), "matches_autograd", "spatial_bp"),
        (
            "bias a mean over positions",
            BiasMeanOverPositions(),
            "matches_oracle",
            "feedback_alignment",
        ),
        ("average pool unscaled", PoolUnscaled(), "matches_autograd", "spatial_bp"),
        ("one channel's gradient zero", OneChannelMissing(), "matches_autograd", "spatial_bp"),
        (
            "standardisation's gradient ignored",
            StandardisationIgnored(),
            "matches_autograd",
            "spatial_bp",
        ),
        (
            "projection of a residual block not learnt",
            ProjectionNotLearnt(),
            "matches_autograd",
            "spatial_bp",
        ),
        (
            "biases left out of the tangent",
            BiasTangentMissing(space="weight"),
            "enumerated_mean",
            "forward_gradient",
        ),
        (
            "readout counted in every part of a sum",
            ReadoutInEveryPart(parts=(OPZO(), LocalLearning()), coefficients=(1.0, 0.1)),
            "unbiased",
            "opzo+0.1*local_learning",
        ),
    ),
)
