"""Files that the library writes are read as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.crosscheck.nir import Dialect, read_graph, run_graph
from gradassay.crosscheck.nir.nodes import Affine, Conv, Neuron

h5py = pytest.importorskip("h5py", reason="`pip install gradassay[nir]`")


def test_a_chain_is_read_as_it_was_written(chain: Any, chain_file: Path) -> None:
    graph = read_graph(chain_file)
    assert graph.order == ("input", "affine", "lif", "output")
    affine, lif = graph.nodes["affine"], graph.nodes["lif"]
    assert isinstance(affine, Affine)
    assert isinstance(lif, Neuron)
    np.testing.assert_array_equal(affine.weight, chain.nodes["affine"].weight)
    assert lif.tau is not None
    np.testing.assert_array_equal(lif.tau, chain.nodes["lif"].tau)


def every_kind(nir: Any) -> Any:
    """Return a chain of every node that the library has."""
    one, conv = np.ones, {"stride": 1, "dilation": 1, "groups": 1}
    spikes = {"v_threshold": one(6), "v_reset": np.zeros(6)}
    leak = {"tau_mem": one(6), "tau_syn": one(6), "r": one(6), "v_leak": np.zeros(6)}
    two = np.array([2, 2])
    return nir.NIRGraph.from_list(
        nir.Input(input_type={"input": np.array([2, 9, 9])}),
        nir.Conv2d((9, 9), one((3, 2, 2, 2)), bias=one(3), padding=0, **conv),
        nir.SumPool2d(two, two, np.array([0, 0])),
        nir.AvgPool2d(two, two, np.array([1, 1])),
        nir.Flatten({"input": np.array([3, 3, 3])}, 1, 2),
        nir.Conv1d(9, one((1, 3, 4)), bias=one(1), padding="valid", **conv),
        nir.Flatten({"input": np.array([1, 6])}, 0, -1),
        nir.Linear(one((6, 6))),
        nir.Scale(one(6)),
        nir.Threshold(one(6)),
        nir.Delay(one(6)),
        nir.IF(one(6), **spikes),
        nir.LIF(one(6), one(6), np.zeros(6), **spikes),
        nir.LI(one(6), one(6), np.zeros(6)),
        nir.I(one(6)),
        nir.CubaLIF(**leak, **spikes, w_in=2.0),
        nir.CubaLI(**leak),
        type_check=False,
    )


def test_every_node_of_the_library_is_read_and_runs(nir: Any, tmp_path: Path) -> None:
    written = every_kind(nir)
    written.nodes["output"] = nir.Output(output_type={"output": np.array([6])})
    nir.write(tmp_path / "all.nir", written)
    graph = read_graph(tmp_path / "all.nir")
    assert len(graph.order) == len(written.nodes) == 18
    conv = graph.nodes["conv1d"]
    assert isinstance(conv, Conv)
    assert conv.padding == "valid"
    given = run_graph(graph, np.ones((5, 2, 9, 9)), Dialect("test", dt=0.1))
    assert given.outputs["output"].shape == (5, 6)


def test_a_graph_within_a_graph_runs_as_if_it_were_flat(nir: Any, tmp_path: Path) -> None:
    size = np.array([2])
    w = nir.Linear(np.array([[0.5, -1.0], [1.0, 0.25]]))
    lif = nir.LIF(*(np.full(2, v) for v in (4.0, 4.0, 0.0, 0.6)))
    ends = {"in": nir.Input({"input": size}), "out": nir.Output({"output": size})}
    inner = nir.NIRGraph(
        {**ends, "lif": lif, "w": w},
        [("in", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "out")],
    )
    nested = nir.NIRGraph({**ends, "rnn": inner}, [("in", "rnn"), ("rnn", "out")])
    nir.write(tmp_path / "nested.nir", nested)
    nir.write(tmp_path / "flat.nir", inner)
    inputs = np.random.default_rng(0).normal(0.3, 1, (20, 2))
    runs = [
        run_graph(read_graph(tmp_path / name), inputs, Dialect("test", dt=1.0)).outputs["out"]
        for name in ("nested.nir", "flat.nir")
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert 5 < runs[0].sum() < 35
    assert "rnn/lif" in read_graph(tmp_path / "nested.nir").nodes


def test_a_neuron_of_an_old_file_resets_to_zero(chain_file: Path) -> None:
    with h5py.File(chain_file, "r+") as file:
        del file["node/nodes/lif/v_reset"]
    lif = read_graph(chain_file).nodes["lif"]
    assert isinstance(lif, Neuron)
    assert lif.v_reset is not None
    assert lif.v_reset.tolist() == [0, 0]
