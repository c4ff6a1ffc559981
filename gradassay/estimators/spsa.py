"""SPSA: simultaneous perturbation of all parameters, the perturbation replayed from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import (
    BiasOrder,
    Claim,
    Estimand,
    Online,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Law, Noise, NoiseModel, draw
from gradassay.core.params import Params
from gradassay.core.trace import Trace

Form = Literal["central", "forward"]


@dataclass(frozen=True)
class SPSA:
    """Two passes with perturbed parameters, z times the difference of their losses.

        G = z (L(w + alpha z) - L(w - alpha z)) / (2 alpha)        (central)
        G = z (L(w + alpha z) - L(w)) / alpha                      (forward)

    One z perturbs all parameters, readout and biases included, and is shared by the batch.

    Parameters
    ----------
    alpha : float
        Scale of the perturbation, positive.
    law : {"gaussian", "rademacher", "uniform", "laplace"}
        Law of z, independent entries.
    form : {"central", "forward"}
        Where the second pass is.

    Notes
    -----
    Estimand: Gaussian, the gradient of the loss smoothed over the weights; Rademacher, the expected
    central difference in each weight. Variance: on a loss that is linear in the weights
    ``(d + k4 - 2) |g|^2`` with d parameters, whatever the batch: see
    `gradassay.verify.oracles.closed_forms` for node against weight space. Passes: two forward.
    State: none; the perturbation is drawn parameter by parameter, used, and drawn again from its
    seed for the gradient, never kept. Parameters are values here: those given are not touched, so
    they need not be restored. Replicates are computed one after another, each having parameters of
    its own.

    References
    ----------
    Spall, 1992; Malladi et al., "Fine-Tuning Language Models with Just Forward Passes" (MeZO),
    2023, for the replay.
    """

    alpha: float = 0.01
    law: Law = "gaussian"
    form: Form = "central"

    def __post_init__(self) -> None:
        NoiseModel(self.alpha, self.law)
        if self.law == "sphere":
            raise ConfigurationError(
                "spsa law: got 'sphere'; expected a law of independent entries, for example"
                " 'gaussian': a sphere is that of one layer's units."
            )
        if self.form not in get_args(Form):
            raise unknown_name("spsa form", self.form, get_args(Form))

    @property
    def name(self) -> str:
        """``spsa``."""
        return "spsa"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the estimand of its law in weight space; two passes; online."""
        estimand = "expected_central_difference" if self.law == "rademacher" else "smoothed_loss"
        return (
            UnbiasedFor(Estimand(f"{estimand}_in_weights", f"{self.law} noise")),
            BiasOrder(Estimand("bptt", "smooth neurons, gradient through the reset kept"), 2),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2, d parameters"),
            Passes(2, 0),
            Online(),
        )

    @property
    def noise(self) -> NoiseModel:
        """On the weights."""
        return NoiseModel(self.alpha, self.law, position="weights")

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return no state."""
        return {}

    def advance(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
    ) -> State:
        """Return no state."""
        return state

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
        """Estimate the gradient of the mean loss of a batch; see `Estimator.estimate`."""
        numbers = replicates if replicates is not None else range(1)
        parts = []
        for place, number in enumerate(numbers):
            own = fold_of(batch, place)
            replay = _Replay(self.law, backend, key / "noise", number, noise, place)
            parts.append(self._one(backend, network, params, own, replay))
        gradients, traces = [g for g, _ in parts], [t for _, t in parts]
        if replicates is None:
            return Estimate(gradients[0], state, traces[0])
        return Estimate(stacked(gradients), state, joined(traces))

    def _one(
        self, backend: Backend, network: Network, params: Params, batch: Batch, replay: _Replay
    ) -> tuple[Params, Trace]:
        """Return one replicate's gradient, and the trace of the pass at w + alpha z."""
        first = backend.forward(network, replay.moved(params, self.alpha), batch)
        shift = -self.alpha if self.form == "central" else 0.0
        second = backend.forward(network, replay.moved(params, shift), batch)
        xp = array_namespace(first.losses)
        change = xp.sum(first.losses - second.losses) / batch.size / (self.alpha - shift)
        return Params({name: change * replay.draw(name, params[name]) for name in params}), first


@dataclass(frozen=True)
class _Replay:
    """The perturbation of one replicate, drawn anew each time that it is asked for."""

    law: Law
    backend: Backend
    key: Key
    number: int
    given: Noise | None
    place: int

    def draw(self, name: str, array: Array) -> Array:
        """Return z of one parameter."""
        if self.given is not None:
            return self.given.values[name][self.place, ...]
        (generator,) = (self.key / name).numbered([self.number])
        return self.backend.asarray(
            draw(self.law, tuple(array.shape), generator, self.backend.dtype)
        )

    def moved(self, params: Params, shift: float) -> Params:
        """Return ``w + shift z``; w itself for no shift."""
        if shift == 0:
            return params
        return Params({name: w + shift * self.draw(name, w) for name, w in params.items()})


def fold_of(batch: Batch, place: int) -> Batch:
    """Return the batch of one replicate: a fold, or the whole of a plain batch."""
    if batch.folds == 1:
        return batch
    rows = slice(place * batch.size, (place + 1) * batch.size)
    inputs = batch.inputs[rows] if batch.static else batch.inputs[:, rows]
    return Batch(inputs, batch.targets[rows])


def stacked(gradients: list[Params]) -> Params:
    """Return the gradients of replicates as one, with a leading axis."""
    first, *others = gradients
    return first.map(lambda *arrays: array_namespace(arrays[0]).stack(arrays), *others)


def joined(traces: list[Trace]) -> Trace:
    """Return outputs, losses and errors of replicates, folded into the batch axis."""
    xp = array_namespace(traces[0].outputs)
    return Trace(
        xp.concat([t.outputs for t in traces], axis=1),
        xp.concat([t.losses for t in traces], axis=1),
        xp.concat([t.errors for t in traces], axis=1),
    )
