"""Faults of what is multiplied with what: another noise, another output, another loss."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim, Passes
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.params import Params
from gradassay.core.trace import Trace
from gradassay.estimators.descent import Descent
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.layerwise import Carries, Forward
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.spsa import SPSA
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.verify.faults.changes import OtherNoise, by_sample, of_kind


@dataclass(frozen=True)
class NoiseOfTheFirstLayer(ZOSinglePoint):
    """In all layers the noise of the first layer's first unit is multiplied with the loss."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        first = observed.drawn(observed.network.spiking[0].name)[0][..., :1]
        values = {layer.name: first + 0 * observed.drawn(layer.name)[0]}
        noise = Noise(self.alpha, values)
        return super().top_down(state, replace(observed, noise=noise), layer, descent)


@dataclass(frozen=True)
class NoiseOfTheNextSample(ZOSinglePoint):
    """Each sample's loss meets the noise of the next sample in the batch."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        samples = observed.trace.losses.shape[1] // observed.replicates

        def moved(z: Array) -> Array:
            xp = array_namespace(z)
            return xp.reshape(xp.roll(by_sample(z, samples), 1, axis=2), z.shape)

        noise = observed.noise and observed.noise.map(moved)
        return super().top_down(state, replace(observed, noise=noise), layer, descent)


@dataclass(frozen=True)
class OneLayerQuiet(PZOTwoPoint):
    """The last hidden layer's noise is drawn and multiplied, but never injected."""

    def run(
        self, forward: Forward, noise: Noise | None, carries: Carries
    ) -> tuple[Trace, Trace | None]:
        if noise is not None and len(noise.values) > 1:
            noise = replace(noise, values=_but_last(noise.values))
        return super().run(forward, noise, carries)


@dataclass(frozen=True)
class NoiseOnTheOutputs(ZOSinglePoint):
    """The last hidden layer's noise gets to the first output too."""

    def observe(self, *given: Any, **options: Any) -> Pass:
        observed = super().observe(*given, **options)
        network, trace = observed.network, observed.trace
        noise, scale = observed.drawn(network.spiking[-1].name)
        xp = array_namespace(noise)
        moved = trace.outputs[..., :1] + scale * noise[..., :1]
        outputs = xp.concat([moved, trace.outputs[..., 1:]], axis=-1)
        losses, errors = observed.backend.loss(network, outputs, observed.batch.targets)
        trace = replace(trace, outputs=outputs, losses=losses, errors=errors)
        return replace(observed, trace=trace)


@dataclass(frozen=True)
class CleanOutput(OPZO):
    """The output of a pass without noise is multiplied with the noise."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(Passes(2, 0) if isinstance(c, Passes) else c for c in super().claims)

    def contribution(self, state: State, observed: Pass) -> State:
        clean = observed.backend.forward(observed.network, observed.params, observed.batch)
        trace = replace(observed.trace, outputs=clean.outputs)
        return super().contribution(state, replace(observed, trace=trace))


@dataclass(frozen=True)
class ErrorOfTheNoisyPass(PZOTwoPoint):
    """The change of the output meets the error of the noisy pass, not of the clean one."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        trace = replace(observed.trace, errors=observed.second.errors)
        return super().top_down(state, replace(observed, trace=trace), layer, descent)


@dataclass(frozen=True)
class OwnMeanAsBaseline(ZOSinglePoint):
    """The batch's own mean loss is subtracted: the mean shrinks by 1 - 1/B."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        losses, replicates = observed.trace.losses, observed.replicates
        xp = array_namespace(losses)
        rows = xp.reshape(losses, (losses.shape[0], replicates, -1))
        centred = xp.reshape(rows - xp.mean(rows, axis=-1, keepdims=True), losses.shape)
        trace = replace(observed.trace, losses=centred)
        return super().top_down(state, replace(observed, trace=trace), layer, descent)


@dataclass(frozen=True)
class PerturbationOfAnotherSeed(SPSA):
    """The perturbation is drawn again for the gradient, from another stream."""

    def estimate(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
        noise: Noise | None = None,
    ) -> Estimate:
        given = (backend, network, params, batch, state, key)
        right = super().estimate(*given, replicates=replicates, noise=noise)
        if noise is not None:
            return right
        used, drawn_again = (
            draw_noise(self.noise, network, batch.size, one, replicates or (0,), backend.dtype)
            .map(backend.asarray)
            .map(lambda z: z if replicates else z[0, ...])
            for one in (key / "noise", key / "gradient")
        )
        ratio = {name: drawn_again.values[name] / z for name, z in used.values.items()}
        return replace(right, gradient=right.gradient.map(lambda g, r: g * r, ratio))


@dataclass(frozen=True)
class SlopeOfAllSteps(ForwardGradient):
    """Directions meet the slope of all steps, not of their own: the mean is right."""

    def directional(self, observed: Pass) -> Array:
        slope = super().directional(observed)
        return 0 * slope + array_namespace(slope).sum(slope, axis=0, keepdims=True)


@dataclass(frozen=True)
class OneSignForAllUnits(OtherNoise, ForwardGradient):
    """All units of a layer get the sign of the first: cross terms do not vanish."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: 0 * z + z[..., :1])


@dataclass(frozen=True)
class PositiveMoreOften(OtherNoise, OPZO):
    """Of two signs that are drawn the larger is taken."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(
            lambda z: array_namespace(z).maximum(z, array_namespace(z).flip(z, axis=-1))
        )


def _but_last(values: Mapping[str, Array]) -> dict[str, Array]:
    return dict(list(values.items())[:-1])


CORRELATION = of_kind(
    "correlation",
    (
        ("noise of another layer", NoiseOfTheFirstLayer(), "enumerated_mean", "zo_single_point"),
        ("noise of the next sample", NoiseOfTheNextSample(), "unbiased", "zo_single_point"),
        ("one layer's noise not injected", OneLayerQuiet(), "noise_as_claimed", "pzo_two_point"),
        ("noise on the outputs", NoiseOnTheOutputs(), "enumerated_mean", "zo_single_point"),
        ("clean output correlated", CleanOutput(), "enumerated_momentum", "opzo"),
        ("error of the noisy pass", ErrorOfTheNoisyPass(), "enumerated_mean", "pzo_two_point"),
        ("the batch's own mean as baseline", OwnMeanAsBaseline(), "unbiased", "zo_single_point"),
        (
            "perturbation drawn again with another seed",
            PerturbationOfAnotherSeed(),
            "unbiased",
            "spsa",
        ),
        ("slope of all steps", SlopeOfAllSteps(), "enumerated_variance", "forward_gradient"),
        (
            "one sign for all units",
            OneSignForAllUnits(law="rademacher"),
            "bounded_mean",
            "forward_gradient",
        ),
        (
            "signs positive more often",
            PositiveMoreOften(pairing="none", law="rademacher"),
            "bounded_momentum",
            "opzo",
        ),
    ),
)
