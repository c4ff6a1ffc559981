"""The presets against the frameworks' own NIR import, on random graphs.

Each needs its framework, `nir` and `nirtorch`; without them a test is skipped. Weights are float32
in the frameworks, so that a potential within rounding of the threshold could differ; with these
seeds none is.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.crosscheck.nir import find_dialect, read_graph, run_graph
from gradassay.crosscheck.nir.exchange import exchange

pytestmark = pytest.mark.peers

Float = NDArray[np.float64]
INPUTS, HIDDEN, CLASSES, STEPS = 8, 20, 5, 60
SEEDS = range(5)


def neuron(nir: Any, kind: str, size: int, values: dict[str, float]) -> Any:
    """Return a neuron with the same parameters for each of its units."""
    return getattr(nir, kind)(**{k: np.full(size, v, np.float32) for k, v in values.items()})


def network(nir: Any, kind: str, seed: int, values: dict[str, float], *, back: bool = False) -> Any:
    """Return input, affine, neurons, affine, neurons, output; `back` adds a recurrent affine."""
    generator = np.random.default_rng(seed)

    def affine(n: int, m: int, scale: float) -> Any:
        weight = generator.normal(0.0, scale / np.sqrt(m), (n, m)).astype(np.float32)
        return nir.Affine(weight=weight, bias=generator.normal(0, 0.1, n).astype(np.float32))

    nodes = {
        "input": nir.Input(input_type={"input": np.array([INPUTS])}),
        "fc1": affine(HIDDEN, INPUTS, 12.0),
        "lif1": neuron(nir, kind, HIDDEN, values),
        "fc2": affine(CLASSES, HIDDEN, 30.0),
        "lif2": neuron(nir, kind, CLASSES, values),
        "output": nir.Output(output_type={"output": np.array([CLASSES])}),
    }
    names = list(nodes)
    edges = list(itertools.pairwise(names))
    if back:
        nodes["back"] = affine(HIDDEN, HIDDEN, 8.0)
        edges += [("lif1", "back"), ("back", "lif1")]
    return nir.NIRGraph(nodes=nodes, edges=edges)


def run_in(name: str, graph: Any, inputs: Any) -> Float:
    """Return the spikes (T, m) of one sample in a framework."""
    pytest.importorskip(name)
    run = exchange(name).IMPORTS[name](graph, 1)
    return np.asarray(run(inputs[:, None])[:, 0].numpy(), np.float64)


SLOW = {"v_threshold": 1.0, "v_leak": 0.0, "r": 1.0}
CUBA = {"tau_syn": 5e-4, "tau_mem": 1e-3, "v_threshold": 1.0, "v_leak": 0.0}
Case = tuple[str, str, dict[str, float]]
CASES: dict[str, Case] = {
    "norse LIF": ("norse", "LIF", SLOW | {"tau": 1e-2}),
    "norse LIF R 2, v_leak 0.2": (
        "norse",
        "LIF",
        SLOW | {"tau": 1e-2, "r": 2.0, "v_leak": 0.2, "v_reset": 0.3},
    ),
    "norse IF": ("norse", "IF", {"v_threshold": 5.0, "r": 1.0}),
    "norse CubaLIF": (
        "norse",
        "CubaLIF",
        CUBA | {"tau_syn": 5e-3, "tau_mem": 1e-2, "r": 1.5, "w_in": 2.0, "v_leak": 0.1},
    ),
    "snntorch LIF": ("snntorch", "LIF", SLOW | {"tau": 1e-3}),
    "snntorch LIF R 2": ("snntorch", "LIF", SLOW | {"tau": 1e-3, "r": 2.0}),
    "snntorch CubaLIF": (
        "snntorch",
        "CubaLIF",
        CUBA | {"r": 10.0, "w_in": 2.0, "v_threshold": 8.0},
    ),
    "spikingjelly LIF": ("spikingjelly", "LIF", SLOW | {"tau": 1e-3}),
    "spikingjelly LIF R tau/dt, v_reset -0.2": (
        "spikingjelly",
        "LIF",
        SLOW | {"tau": 1e-3, "r": 10.0, "v_reset": -0.2, "v_leak": -0.2, "v_threshold": 8.0},
    ),
    "spikingjelly IF": (
        "spikingjelly",
        "IF",
        {"v_threshold": 5.0, "r": 1e4, "v_reset": 0.5},
    ),
    "spikingjelly CubaLIF": (
        "spikingjelly",
        "CubaLIF",
        CUBA | {"r": 10.0, "w_in": 5.0, "v_threshold": 8.0, "v_reset": 0.5},
    ),
    "sinabs LIF": ("sinabs", "LIF", SLOW | {"tau": 10.0, "v_threshold": 6.0}),
    "sinabs IF": ("sinabs", "IF", {"v_threshold": 5.0, "r": 1.0}),
}


def differing(case: Case, seed: int, folder: Path, *, back: bool = False) -> tuple[int, int, float]:
    """Return entries that differ, all entries, and the spikes in ours."""
    nir, torch = pytest.importorskip("nir"), pytest.importorskip("torch")
    pytest.importorskip("nirtorch")
    preset, kind, values = case
    graph = network(nir, kind, seed, values, back=back)
    nir.write(folder / "net.nir", graph)
    inputs = np.random.default_rng(seed + 100).normal(0.3, 1.0, (STEPS, INPUTS))
    inputs = inputs.astype(np.float32)
    ours = run_graph(read_graph(folder / "net.nir"), inputs, find_dialect(preset)).outputs["output"]
    theirs = run_in(preset, graph, torch.tensor(inputs))
    return int((ours != theirs).sum()), ours.size, float(ours.sum())


@pytest.mark.parametrize("name", CASES)
def test_a_preset_gives_the_spikes_of_its_framework(name: str, tmp_path: Path) -> None:
    results = [differing(CASES[name], seed, tmp_path) for seed in SEEDS]
    print(f"\n{name}: {sum(r[0] for r in results)} of {sum(r[1] for r in results)}")
    assert sum(spikes for _, _, spikes in results) > 100
    assert [count for count, _, _ in results] == [0] * len(SEEDS)


def test_a_recurrent_edge_is_that_of_spikingjelly(tmp_path: Path) -> None:
    name = "spikingjelly LIF"  # the imports of the others stop at this graph
    results = [differing(CASES[name], seed, tmp_path, back=True) for seed in SEEDS]
    print(f"\n{name}, recurrent: {sum(r[0] for r in results)} of {sum(r[1] for r in results)}")
    assert [count for count, _, _ in results] == [0] * len(SEEDS)
