"""Sums of methods: one pass, several signals."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import TypeVar

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.claims import (
    Claim,
    Deterministic,
    Estimand,
    Learns,
    Online,
    Passes,
    UnbiasedFor,
)
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel
from gradassay.core.trace import Recorded
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.passes import Pass
from gradassay.estimators.temporal import Traces

Named = TypeVar("Named")


@dataclass(frozen=True)
class Hybrid(LayerwiseEstimator):
    """The sum of some methods' gradients, each with a coefficient, from one forward pass.

    Layers above the last hidden spiking layer have no top-down signal: their exact gradient is
    taken once, not once for each method.

    Parameters
    ----------
    parts : tuple of LayerwiseEstimator
        Different methods of one pass, with the same local rule; those that inject noise share it.
    coefficients : tuple of float
        One for each part.

    Notes
    -----
    Estimand: the sum of the parts' estimands. Every part goes down the network by itself: a chained
    signal carries its own derivatives only, not those of local losses above it. Passes: one
    forward, and the parts' backward passes. State: the parts' states, named ``part/name``.
    """

    parts: tuple[LayerwiseEstimator, ...] = ()
    coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [part.name for part in self.parts]
        if len(names) < 2 or len(set(names)) < len(names) or len(names) != len(self.coefficients):
            raise ConfigurationError(
                f"hybrid: got methods {names} with coefficients {self.coefficients}; expected two"
                " or more different methods, and a coefficient for each."
            )
        for part in self.parts:
            single = type(part).run is LayerwiseEstimator.run
            if not single or type(part).gradient is not LayerwiseEstimator.gradient:
                raise ConfigurationError(
                    f"hybrid: got {part.name!r}; expected methods that make one pass and one signal"
                    " for each layer. Leave it out."
                )
        self._require_same(names)

    def _require_same(self, names: list[str]) -> None:
        """All parts see the same pass and the same presynaptic activity."""
        noises = {part.noise for part in self.parts if part.noise is not None}
        rules = {(part.temporal, part.presynaptic_traces) for part in self.parts}
        for what, found in (("noise", noises), ("local rule", rules)):
            if len(found) > 1:
                raise ConfigurationError(
                    f"hybrid {'+'.join(names)}: got parts with different {what},"
                    f" {sorted(map(str, found))}; expected the same in all of them. Give each part"
                    " the same options."
                )

    @property
    def name(self) -> str:
        """The sum, as ``opzo+0.01*local_learning``."""
        return "+".join(
            part.name if c == 1 else f"{c:g}*{part.name}"
            for part, c in zip(self.parts, self.coefficients, strict=True)
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Estimand, passes, what each part learns, and what all parts claim."""
        every = [part.claims for part in self.parts]
        backward = sum(c.backward for claims in every for c in claims if isinstance(c, Passes))
        estimand = Estimand(f"sum of the estimands of {', '.join(p.name for p in self.parts)}")
        shared = [c for c in (Deterministic(), Online()) if all(c in claims for claims in every)]
        learns = [
            replace(claim, under=f"{part.name}/{claim.under}")
            for part, claims in zip(self.parts, every, strict=True)
            for claim in claims
            if isinstance(claim, Learns)
        ]
        return (UnbiasedFor(estimand), *learns, Passes(1, backward), *shared)

    @property
    def noise(self) -> NoiseModel | None:
        """That of the parts that have one."""
        return next((part.noise for part in self.parts if part.noise is not None), None)

    @property
    def presynaptic_traces(self) -> Traces:
        """As the parts have it."""
        return self.parts[0].presynaptic_traces if self.parts else "clean"

    @property
    def record(self) -> Set[Recorded]:
        """What any part needs."""
        return frozenset[Recorded]().union(*(part.record for part in self.parts))

    def require_network(self, network: Network) -> None:
        """Refuse what a part refuses."""
        for part in self.parts:
            part.require_network(network)

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Return the parts' shapes, by ``part/name``."""
        return _named({part.name: part.state_shapes(network) for part in self.parts})

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return the parts' states, each from ``key / part``."""
        return _named({p.name: p.init(backend, network, key / p.name) for p in self.parts})

    def contribution(self, state: State, observed: Pass) -> State:
        """Return the parts' contributions."""
        return _named({p.name: p.contribution(_own(p, state), observed) for p in self.parts})

    def absorb(self, state: State, contribution: State) -> State:
        """Return the parts' states after a pass."""
        return _named({p.name: p.absorb(_own(p, state), _own(p, contribution)) for p in self.parts})

    def learn(self, state: State, observed: Pass) -> tuple[State, State]:
        """Return the state to use and the state after, each part as it does."""
        pairs = {part.name: part.learn(_own(part, state), observed) for part in self.parts}
        used = {name: pair[0] for name, pair in pairs.items()}
        return _named(used), _named({name: pair[1] for name, pair in pairs.items()})

    def awake(self, state: State) -> Array | None:
        """Return the factor of the part that has one."""
        factors = [part.awake(_own(part, state)) for part in self.parts]
        return next((factor for factor in factors if factor is not None), None)

    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        """Return the sum of the parts' derivatives by each weighted layer's output."""
        total: dict[str, Array] = {}
        for part, coefficient in zip(self.parts, self.coefficients, strict=True):
            for name, delta in part.deltas(_own(part, state), observed).items():
                if not observed.network.below_neurons(name):
                    total.setdefault(name, delta)
                else:
                    scaled = delta if coefficient == 1 else coefficient * delta
                    total[name] = total[name] + scaled if name in total else scaled
        return total


def _named(parts: Mapping[str, Mapping[str, Named]]) -> dict[str, Named]:
    """Return one mapping, each name with its part's before it."""
    return {f"{part}/{name}": value for part, own in parts.items() for name, value in own.items()}


def _own(part: LayerwiseEstimator, state: State) -> State:
    """Return the part's own arrays."""
    start = f"{part.name}/"
    return {name.removeprefix(start): a for name, a in state.items() if name.startswith(start)}
