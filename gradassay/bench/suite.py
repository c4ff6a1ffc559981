"""The subjects of a comparison: floors, methods of the zoo, other libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gradassay.bench.compare import Comparison, compare
from gradassay.bench.floor import WORK, floor_step
from gradassay.bench.peers import peer_steps
from gradassay.bench.steps import training_step
from gradassay.core.builders import network_named
from gradassay.core.errors import UsageError, unknown_name
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend

# as the recipes have it; random signs cost a bit each
OPTIONS = {"opzo": {"law": "rademacher"}}


def bench_network(name: str, inputs: str, classes: int, steps: int) -> Network:
    """Return the network that is timed; convolutions without standardised weights.

    Parameters
    ----------
    name : str
        As `gradassay.core.builders.network_named` reads it.
    inputs : str
        A number of features, or ``channels x rows x columns`` as ``1x28x28``.
    classes, steps : int
        Outputs, and T.

    Raises
    ------
    UsageError
        If a word has another form.
    """
    try:
        sizes = [int(size) for size in inputs.split("x")]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 3) or min(sizes) < 1:
        raise UsageError(f"--inputs: got {inputs!r}; expected a number, or three as 1x28x28.")
    shape = sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1], sizes[2])
    # other libraries have no standardised weights
    plain = {} if isinstance(shape, int) or name.startswith("resnet") else {"standardised": False}
    return network_named(name, shape, classes, steps=steps, **plain)


def run_bench(
    network: Network, samples: int, estimators: Sequence[str], *, rounds: int, peers: bool
) -> Comparison:
    """Time the steps of methods and of other libraries in turn with their floors.

    Parameters
    ----------
    network : Network
        Trained.
    samples : int
        B.
    estimators : sequence of str
        Methods whose products `gradassay.bench.floor` knows.
    rounds : int
        Timed steps of each subject.
    peers : bool
        Whether to time other libraries, against the floor of spatial backpropagation.

    Raises
    ------
    UsageError
        If a method has no floor.
    """
    backend = TorchBackend("float32")
    subjects: dict[str, Callable[[int], object]] = {}
    floors: dict[str, str] = {}
    for name in estimators:
        require_floor(name)
        floor = f"floor of {name}"
        products = floor_step(network, samples, WORK[name], torch.float32)
        subjects[floor] = numbered(products)
        estimator = make_estimator(name, **OPTIONS.get(name, {}))
        subjects[name] = training_step(estimator, network, samples, backend)
        floors |= {floor: floor, name: floor}
        if estimator.noise is not None:
            noise = f"noise of {name}"
            subjects[noise] = _noise(estimator.noise, network, samples, backend)
            floors[noise] = floor
    others = peer_steps(network, samples) if peers else {}
    first = next(iter(floors.values()))
    floors |= dict.fromkeys(others, first)
    return compare({**subjects, **others}, floors, list(others), rounds=rounds)


def _noise(
    model: NoiseModel, network: Network, samples: int, backend: TorchBackend
) -> Callable[[int], object]:
    """Return a call that draws a step's noise and nothing else."""

    def draw(number: int) -> None:
        key = Key(1) / "noise" / (number % 2**20)
        draw_noise(model, network, samples, key, dtype=backend.dtype).placed(backend.asarray)

    return draw


def require_floor(estimator: str) -> None:
    """Refuse a method whose products are not known.

    Raises
    ------
    UsageError
        Lists those that are.
    """
    if estimator not in WORK:
        raise unknown_name("estimator with a floor", estimator, list(WORK))


def numbered(call: Callable[[], object]) -> Callable[[int], object]:
    """Return a call that takes the number of a round, and does not use it."""
    return lambda number: call()
