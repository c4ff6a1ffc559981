"""Order, cycles, sums, shapes and runs of graphs."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.core.errors import DataError, UsageError
from gradassay.crosscheck.nir import Dialect, build_graph, run_graph
from gradassay.crosscheck.nir.nodes import Affine, Input, Linear, Neuron, Node, Output, Scale

Float = NDArray[np.float64]
GENERATOR = np.random.default_rng(2)
DIALECT = Dialect("test", dt=1.0)
N = 4
INPUT = GENERATOR.normal(0.5, 1.0, (30, N))


def lif(size: int = N) -> Neuron:
    full, zero = np.ones(size), np.zeros(size)
    return Neuron("LIF", full, 4 * full, zero, v_threshold=0.2 * full, v_reset=zero)


def chain(*names: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(names))


def ends() -> dict[str, Node]:
    return {"in": Input((N,)), "out": Output((N,))}


def test_a_recurrent_graph_is_the_hand_loop() -> None:
    weight, bias = GENERATOR.normal(0, 1, (N, N)), GENERATOR.normal(0, 0.1, N)
    nodes = {**ends(), "lif": lif(), "w": Affine(weight, bias)}
    graph = build_graph(nodes, [*chain("in", "lif", "out"), *chain("lif", "w", "lif")])
    assert graph.recurrent == {("w", "lif")}
    v, back, expected = np.zeros(N), np.zeros(N), []
    for x in INPUT:
        v = v + (-v + (x + back)) / 4
        z = (v > 0.2).astype(float)
        v = np.where(z > 0, 0.0, v)
        back = weight @ z + bias
        expected.append(z)
    given = run_graph(graph, INPUT, DIALECT)
    np.testing.assert_array_equal(given.outputs["out"], expected)
    np.testing.assert_array_equal(given.spikes["lif"], expected)
    assert 10 < given.outputs["out"].sum() < INPUT.size - 10


def test_a_neuron_that_feeds_itself_gets_its_spikes_a_step_later() -> None:
    graph = build_graph({**ends(), "lif": lif()}, [*chain("in", "lif", "out"), ("lif", "lif")])
    v, z, expected = np.zeros(N), np.zeros(N), []
    for x in INPUT:
        v = v + (-v + (x + z)) / 4
        z = (v > 0.2).astype(float)
        v = np.where(z > 0, 0.0, v)
        expected.append(z)
    np.testing.assert_array_equal(run_graph(graph, INPUT, DIALECT).outputs["out"], expected)


def test_several_edges_into_a_node_are_summed() -> None:
    two, three = Scale(np.full(N, 2.0)), Scale(np.full(N, 3.0))
    nodes = {**ends(), "a": two, "b": three}
    edges = [*chain("in", "a", "out"), *chain("in", "b", "out"), ("in", "out")]
    given = run_graph(build_graph(nodes, edges), INPUT, DIALECT).outputs["out"]
    np.testing.assert_allclose(given, 6 * INPUT, rtol=1e-15)


def test_several_inputs_and_outputs_go_by_name() -> None:
    nodes: dict[str, Node] = {"a": Input((N,)), "b": Input((N,)), "y": Output((N,))}
    graph = build_graph({**nodes, "z": Output((N,))}, [("a", "y"), ("b", "y"), ("b", "z")])
    given = run_graph(graph, {"a": INPUT, "b": 2 * INPUT}, DIALECT).outputs
    np.testing.assert_array_equal(given["y"], 3 * INPUT)
    np.testing.assert_array_equal(given["z"], 2 * INPUT)
    with pytest.raises(DataError, match="one array for 2 inputs"):
        run_graph(graph, INPUT, DIALECT)
    with pytest.raises(DataError, match="nothing for 'b'"):
        run_graph(graph, {"a": INPUT}, DIALECT)
    with pytest.raises(UsageError, match="input: got 'c'"):
        run_graph(graph, {"a": INPUT, "c": INPUT}, DIALECT)
    with pytest.raises(DataError, match="same number of steps"):
        run_graph(graph, {"a": INPUT, "b": INPUT[1:]}, DIALECT)


def test_the_order_does_not_depend_on_the_order_of_nodes_or_edges() -> None:
    nodes = {**ends(), "w": Linear(np.eye(N)), "lif": lif(), "a": lif(), "b": lif()}
    edges = [*chain("in", "lif", "out"), *chain("lif", "w", "lif"), *chain("in", "b", "out")]
    edges += chain("in", "a", "out")
    first = build_graph(nodes, edges)
    for seed in range(20):
        shuffle = np.random.default_rng(seed).permutation
        names = [list(nodes)[i] for i in shuffle(len(nodes))]
        mixed = [edges[i] for i in shuffle(len(edges))]
        other = build_graph({name: nodes[name] for name in names}, mixed)
        assert (other.order, other.recurrent) == (first.order, first.recurrent)


def test_a_parameter_without_axes_takes_the_shape_that_arrives() -> None:
    one = np.array(1.0)
    node = Neuron("LIF", one, 4 * one, 0 * one, v_threshold=0.2 * one, v_reset=0 * one)
    graph = build_graph({**ends(), "lif": node}, chain("in", "lif", "out"))
    full = build_graph({**ends(), "lif": lif()}, chain("in", "lif", "out"))
    given = [run_graph(each, INPUT, DIALECT).outputs["out"] for each in (graph, full)]
    np.testing.assert_array_equal(given[0], given[1])


def test_a_cycle_without_state_is_refused_and_named() -> None:
    nodes = {**ends(), "a": Scale(np.ones(N)), "b": Scale(np.ones(N)), "lif": lif()}
    edges = [*chain("in", "a", "b", "a"), *chain("b", "lif", "out"), ("lif", "a")]
    with pytest.raises(DataError, match=r"cycle without a neuron or delay: 'a' -> 'b' -> 'a';"):
        build_graph(nodes, edges)


BAD_EDGES = {
    "edge 'in' -> 'lost': there is no node 'lost'": [("in", "lost")],
    "edge 'lif' -> 'in': an input cannot be fed": [("lif", "in")],
    "edge 'out' -> 'lif': an output feeds nothing": [("out", "lif")],
    "edge 'in' -> 'lif': there twice": [("in", "lif")],
    "edge 'in' -> 'w': shape (4,); expected (3,)": [("in", "w"), ("w", "out")],
    "edge 'w' -> 'out': shape (2,); expected (4,)": [("lif3", "w"), ("in3", "lif3"), ("w", "out")],
    "node 'w': nothing feeds it": [],
}


@pytest.mark.parametrize("message", BAD_EDGES)
def test_edges_that_do_not_fit_are_refused(message: str) -> None:
    nodes = {**ends(), "lif": lif(), "w": Linear(np.ones((2, 3)))}
    if "lif3" in str(BAD_EDGES[message]):
        nodes |= {"in3": Input((3,)), "lif3": lif(3)}
    with pytest.raises(DataError) as caught:
        build_graph(nodes, [*chain("in", "lif", "out"), *BAD_EDGES[message]])
    assert message in str(caught.value)


def test_a_recurrent_edge_of_another_shape_is_refused() -> None:
    nodes = {**ends(), "lif": lif(), "w": Linear(np.ones((2, N)))}
    with pytest.raises(DataError, match=r"edge 'w' -> 'lif': shape \(2,\); expected \(4,\)"):
        build_graph(nodes, [*chain("in", "lif", "out"), *chain("lif", "w", "lif")])


def test_a_graph_needs_an_input_an_output_and_a_way_from_one_to_the_other() -> None:
    with pytest.raises(DataError, match="no Input"):
        build_graph({"out": Output((N,))}, [])
    with pytest.raises(DataError, match="no Output"):
        build_graph({"in": Input((N,))}, [])
    nodes = {**ends(), "a": lif(), "b": lif()}
    with pytest.raises(DataError, match="node 'a': only a cycle feeds it"):
        build_graph(nodes, [*chain("in", "out"), *chain("a", "b", "a")])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 3)), r"shape (5, 3); expected (T, 4)"),
        (np.zeros(5), r"shape (5,); expected (T, 4)"),
        (np.zeros((0, 4)), r"shape (0, 4); expected (T, 4)"),
        (np.full((5, 4), np.nan), "not finite"),
        (np.zeros((5, 4), complex), "complex128 values"),
        (np.full((5, 4), "a"), "expected real numbers"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(values: Float, message: str) -> None:
    graph = build_graph({**ends(), "lif": lif()}, chain("in", "lif", "out"))
    with pytest.raises(DataError) as caught:
        run_graph(graph, values, DIALECT)
    assert message in str(caught.value)


def test_a_run_that_overflows_says_where() -> None:
    li = Neuron("LI", np.ones(N), np.full(N, 4.0), np.zeros(N))
    graph = build_graph({**ends(), "li": li}, chain("in", "li", "out"))
    values = np.ones((400, N))
    with pytest.raises(DataError, match=r"not finite from step \d+ on; is dt too large"):
        run_graph(graph, values, Dialect("test", dt=1e3))
