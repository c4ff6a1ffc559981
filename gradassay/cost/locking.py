"""What an update has to wait for, found by intervening, whatever the estimator is called.

Three kinds of locking (Jaderberg et al. 2017), here for every hidden weighted layer:

- *forward*: no layer can run before those before it have; so it is in all these networks.
- *update*: a layer cannot be updated before layers above it have run forward.
- *backward*: nor before an error has come down to it through the weights of layers above.

And over time: whether the derivative of a step is there when the step is over, or only after later
ones. An estimate is made with something changed on purpose (`InterveningBackend`); a layer whose
gradient changes looked there. So a method from elsewhere is classified by what it does.

References
----------
Jaderberg et al., "Decoupled neural interfaces using synthetic gradients", ICML 2017. Noekland,
"Direct feedback alignment provides learning in deep neural networks", 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Online
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.layers import Gain
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.cost.connections import population_above
from gradassay.cost.intervention import InterveningBackend, Place

# as after this many updates, so that neither a warm-up nor a start at 0 hides a dependence
UPDATES = 1000.0

Found = tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Locking:
    """What the updates of the hidden weighted layers wait for.

    Parameters
    ----------
    waits_for : mapping from hidden weighted layer's name to str or None
        None for the network's outputs; the highest spiking layer above its own that it looks at; or
        its own spiking layer, where it looks at nothing above.
    backward : frozenset of str
        Hidden weighted layers to which an error comes down through weights.
    back_in_time : bool
        Whether the derivative of a step depends on later steps.
    each_step : bool
        Whether the weights can be updated at every step.
    """

    waits_for: Mapping[str, str | None]
    backward: frozenset[str]
    back_in_time: bool
    each_step: bool

    @property
    def update_locked(self) -> frozenset[str]:
        """Hidden weighted layers that wait for the outputs."""
        return frozenset(name for name, above in self.waits_for.items() if above is None)


def locking(
    estimator: Estimator, backend: Backend, network: Network, params: Params, batch: Batch, key: Key
) -> Locking:
    """Return what an estimator's updates wait for on a network, found by intervening.

    Parameters
    ----------
    estimator : Estimator
        Any, of the zoo or from elsewhere.
    backend, network, params, batch
        The model; arrays of the backend. A few samples are enough, which make every hidden layer
        fire.
    key : Key
        Randomness of state and noise.

    Notes
    -----
    Feedback weights of the state are replaced by random numbers, counters by a thousand, all gains
    by a half: a factor that starts at 0 would hide what it multiplies. A layer whose gradient is 0
    whatever is changed waits for nothing. Bitwise: the same estimate is made each time, so any
    difference is a dependence. A method that hands the backend no products of single steps (weight
    perturbation) is taken to need the whole sequence, unless it claims `Online` and offers the
    steps one by one.
    """
    probe = _Probe(estimator, backend, network, _opened(network, params), batch, key)
    plain, output = probe.gradients("nothing"), probe.gradients("output")
    down = probe.gradients("way down")
    hidden = [layer.name for layer in network.weighted if network.below_neurons(layer.name)]
    waits_for = {
        name: None if _differs(plain, output, name) else population_above(network, name)
        for name in hidden
    }
    heights = {layer.name: height for height, layer in enumerate(network.spiking)}
    for population in network.spiking:
        below = [
            name
            for name, above in waits_for.items()
            if above is not None and heights[above] < heights[population.name]
        ]
        if below:
            seen = probe.gradients("population", population.name)
            looking = [name for name in below if _differs(plain, seen, name)]
            waits_for |= dict.fromkeys(looking, population.name)
    backward = frozenset(name for name in hidden if _differs(plain, down, name))
    back_in_time, streams = probe.time()
    each_step = streams and not back_in_time and network.loss.over == "step"
    return Locking(waits_for, backward, back_in_time, each_step)


@dataclass(frozen=True)
class _Probe:
    """Estimates of one estimator with the same randomness, under interventions."""

    estimator: Estimator
    backend: Backend
    network: Network
    params: Params
    batch: Batch
    key: Key

    def gradients(self, place: Place, layer: str = "") -> Mapping[str, np.ndarray]:
        """Return the gradient under an intervention."""
        return self._run(place, layer)[0]

    def time(self) -> tuple[bool, bool]:
        """Return whether derivatives look at later steps, and whether single steps have one."""
        if self.network.steps == 1:
            return False, True
        before, after = self._run("nothing")[1], self._run("last step")[1]
        if not before:
            offered = Online() in self.estimator.claims and hasattr(self.estimator, "observe")
            return not offered, offered
        looked = any(not np.array_equal(before[name][:-1], after[name][:-1]) for name in before)
        return looked, True

    def _run(self, place: Place, layer: str = "") -> Found:
        backend = InterveningBackend(self.backend, place, layer)
        state = self._seasoned(self.estimator.init(backend, self.network, self.key / "state"))
        gradient = self.estimator.estimate(
            backend, self.network, self.params, self.batch, state, self.key / "probe"
        ).gradient
        found = {name: np.array(backend.to_numpy(array)) for name, array in gradient.items()}
        deltas = {name: np.array(backend.to_numpy(array)) for name, array in backend.deltas.items()}
        return found, deltas

    def _seasoned(self, state: State) -> State:
        """Return the state as after many updates."""
        seasoned = {}
        for name, array in state.items():
            shape = tuple(array.shape)
            generator = (self.key / "seasoned" / name).generator()
            drawn = generator.standard_normal(shape) if len(shape) > 1 else np.full(shape, UPDATES)
            seasoned[name] = self.backend.asarray(drawn)
        return seasoned


def _opened(network: Network, params: Params) -> Params:
    """Return the parameters with gains that let something through."""
    gains = {f"{y.name}.weight" for y in network.weighted if isinstance(y, Gain)}
    return Params({n: 0.5 + 0 * a if n in gains else a for n, a in params.items()})


def _differs(
    plain: Mapping[str, np.ndarray], changed: Mapping[str, np.ndarray], layer: str
) -> bool:
    """Whether the gradient of any parameter of a layer is another one."""
    names = [name for name in plain if name.rpartition(".")[0] == layer]
    return any(not np.array_equal(plain[name], changed[name]) for name in names)
