"""Round trips through NIR: what an export or an import changes is counted, and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradassay.cli.main import main
from gradassay.crosscheck.adapters import LIBRARIES
from gradassay.crosscheck.conventions import Conventions, simulate
from gradassay.crosscheck.nir.exchange import Exchange, Runs, Weights, exchange

pytest.importorskip("nir", reason="`pip install gradassay[nir]`")

from gradassay.crosscheck.nir.roundtrip import RoundTrip, round_trips
from gradassay.crosscheck.nir.roundtrip_page import roundtrip_page


@dataclass(frozen=True)
class Net:
    weights: tuple[Tensor, ...]
    leak: float
    gain: float
    conventions: Conventions


def run(net: Net, inputs: Tensor) -> Tensor:
    values = inputs.double().numpy()
    for weight in net.weights:
        current = net.gain * values @ weight.double().numpy().T
        _, values = simulate(current, net.conventions, leak=net.leak)
    return torch.tensor(values)


def graph_of(net: Net, r: float) -> Any:
    """Return the graph of a net; NIR keeps leak and factor as tau and r, but not the reset."""
    import nir

    nodes = []
    for weight in net.weights:
        n, tau = len(weight), 1e-4 / (1 - net.leak)
        nodes.append(nir.Affine(weight=weight.numpy(), bias=np.zeros(n, np.float32)))
        values = {"tau": tau, "r": r, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
        nodes.append(nir.LIF(**{k: np.full(n, v, np.float32) for k, v in values.items()}))
    return nir.NIRGraph.from_list(*nodes)


def net_of(graph: Any, leak: Callable[[float], float], keeps_r: bool) -> Net:
    """Return the net of a graph, with a hard reset."""
    weights = [torch.tensor(n.weight) for n in graph.nodes.values() if hasattr(n, "weight")]
    neuron = next(n for n in graph.nodes.values() if hasattr(n, "tau"))
    tau, r = float(neuron.tau[0]), float(neuron.r[0])
    found = leak(1 - 1e-4 / tau)
    gain = (r if keeps_r else 1.0) * (1 - found)
    return Net(tuple(weights), found, gain, HARD)


HARD = Conventions(">", "hard")


@dataclass
class Fake:
    """A framework whose neurons take the current times 1 and reset hard, unless said."""

    conventions: Conventions = HARD
    leak: Callable[[float], float] = lambda x: round(x, 6)
    keeps_r: bool = True
    refuses: bool = False

    @property
    def IMPORTS(self) -> dict[str, Callable[[Any, int], Runs]]:
        return {"fake": self._imported}

    @property
    def NETWORKS(self) -> dict[str, Callable[[Weights], Any]]:
        return {"net": self._network}

    def _network(self, weights: Weights) -> Net:
        return Net(tuple(weights), 0.5, 1.0, self.conventions)

    def runs(self, network: Net) -> Runs:
        return lambda inputs: run(network, inputs)

    def exported(self, network: Net, inputs: Tensor) -> Any:
        if self.refuses:
            raise NotImplementedError("no word for this reset.\nsecond line")
        return graph_of(network, r=1 / (1 - network.leak))

    def _imported(self, graph: Any, samples: int) -> Runs:
        net = net_of(graph, self.leak, self.keeps_r)
        return lambda inputs: run(net, inputs)


def trip_of(fake: Fake) -> RoundTrip:
    found = list(round_trips("norse", {"norse": fake}))
    return found[-1]


def test_a_faithful_round_trip_changes_nothing() -> None:
    trip = trip_of(Fake())
    assert (trip.differing, trip.compared) == (0, 640)
    assert trip.changed == ()


@pytest.mark.parametrize(
    ("fake", "changed"),
    [
        (Fake(Conventions(">", "soft")), ("reset: soft → hard",)),
        (
            Fake(leak=lambda x: 0.75),
            ("leak: 0.5 → 0.75", "factor on the input current: 1 → 0.5"),
        ),
        (Fake(keeps_r=False), ("factor on the input current: 1 → 0.5",)),
    ],
    ids=["reset", "leak", "r"],
)
def test_what_a_round_trip_changes_is_named(fake: Fake, changed: tuple[str, ...]) -> None:
    trip = trip_of(fake)
    assert trip.differing > 50
    assert trip.first.startswith("step")
    assert trip.changed == changed


def test_a_refusal_is_a_row() -> None:
    trip = trip_of(Fake(refuses=True))
    assert trip.refused == "NotImplementedError: no word for this reset."
    page = roundtrip_page([trip], versions={}, command="", seed=0)
    assert "| net | export | refused | NotImplementedError: no word for this reset. |" in page


def test_a_framework_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "norse", None)
    assert main(["nir", "roundtrip", "norse", "--page", str(tmp_path / "page.md")]) == 2
    assert "pip install norse nir nirtorch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["nors"], ["norse", "--json", "/no/such/file"]])
def test_bad_input_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nir", "roundtrip", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.fixture(scope="module")
def trips() -> dict[tuple[str, str], RoundTrip]:
    exchanges: dict[str, Exchange] = {}
    for name in LIBRARIES:
        pytest.importorskip(name)
        exchanges[name] = exchange(name)
    rows = [trip for name in exchanges for trip in round_trips(name, exchanges)]
    return {(f"{row.exporter} {row.network}", row.importer): row for row in rows}


Trips = dict[tuple[str, str], RoundTrip]


@pytest.mark.peers
def test_what_the_frameworks_change(trips: Trips) -> None:
    subtract = trips["snntorch Leaky, reset_mechanism='subtract'", "snntorch"]
    assert "reset: soft → hard" in subtract.changed
    none = trips["snntorch Leaky, reset_mechanism='none'", "snntorch"]
    assert "reset: none → hard" in none.changed
    itself = trips["norse LIFBoxCell", "norse"]
    assert itself.changed == ("leak: 0.9 → -99", "factor on the input current: 0.1 → 100")
    dropped = trips["spikingjelly LIFNode, decay_input=False", "norse, dt=1e-4"]
    assert "factor on the input current: 1 → 0.5" in dropped.changed
    steps = trips["spikingjelly LIFNode", "sinabs"]
    assert {"leak: 0.5 → 0", "several spikes a step: no → yes"} <= set(steps.changed)
    normed = trips["sinabs LIF", "sinabs"]
    assert normed.changed == ("factor on the input current: 0.5 → 1",)
    single = trips["sinabs LIF, spike_fn=SingleSpike, norm_input=False", "sinabs"]
    assert single.changed == ("several spikes a step: no → yes",)
    assert "soft reset" in trips["spikingjelly LIFNode, v_reset=None", ""].refused


@pytest.mark.peers
@pytest.mark.parametrize(
    ("network", "importer"),
    [
        ("snntorch Leaky, reset_mechanism='zero'", "snntorch"),
        ("spikingjelly LIFNode", "spikingjelly"),
        ("spikingjelly LIFNode", "snntorch"),
        ("spikingjelly LIFNode", "norse, dt=1e-4"),
        ("spikingjelly LIFNode, decay_input=False", "spikingjelly"),
        ("sinabs LIF, norm_input=False", "sinabs"),
    ],
)
def test_what_the_frameworks_keep(trips: Trips, network: str, importer: str) -> None:
    assert trips[network, importer].differing == 0


@pytest.mark.peers
def test_a_file_here_does_what_it_does_in_the_exporters_own_import(trips: Trips) -> None:
    for (network, importer), trip in trips.items():
        if importer.startswith("gradassay"):
            itself = trips[network, trip.exporter]
            assert (trip.differing, trip.first) == (itself.differing, itself.first)
