"""Damaged files and random graphs: each gives a value or one error of ours, never another."""

from __future__ import annotations

import itertools
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradassay.core.errors import GradassayError
from gradassay.crosscheck.nir import (
    Dialect,
    Graph,
    build_graph,
    read_array,
    read_graph,
    read_recording,
    run_graph,
)
from gradassay.crosscheck.nir.isolation import unpack
from gradassay.crosscheck.nir.nodes import (
    Affine,
    Delay,
    Flatten,
    Input,
    Linear,
    Neuron,
    Node,
    Output,
    Scale,
    Threshold,
)
from gradassay.crosscheck.nir.reading import checked_graph
from gradassay.crosscheck.nir.walking import pack, walk_file
from tests.properties import examples

pytest.importorskip("h5py", reason="`pip install gradassay[nir]`")
MUTATIONS = examples(400)
CODES = ("value", "data", "configuration", "usage")
DIALECT = Dialect("test", dt=1.0)


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """Return a copy with a few bytes changed, a piece copied over another, or a piece cut out."""
    found, kind = bytearray(data), generator.integers(4)
    start, other = (int(each) for each in generator.integers(0, len(found) - 64, 2))
    length = int(generator.integers(1, 64))
    if kind == 0:
        found[start : start + length] = found[other : other + length]
    elif kind == 1:
        del found[start : start + length]
    else:
        used = [i for i, each in enumerate(found) if each or generator.random() < 0.02]
        for place in generator.choice(used, generator.integers(1, 5)):
            found[place] = generator.choice([0, 1, 255, int(generator.integers(256))])
    return bytes(found)


def outcome(path: Path) -> str:
    """Return whether a file was read and run, or the kind of error."""
    try:
        run_once(read_graph(path, time_limit_s=2))
    except GradassayError as error:
        return told(error)
    return "value"


def forked_outcome(path: Path) -> str:
    """Return the same from a fork, without a new interpreter; it may be killed, as the reader."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = 99
        try:
            run_once(checked_graph(unpack(pack(walk_file(path)))))
            code = CODES.index("value")
        except GradassayError as error:
            code = CODES.index(told(error))
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return "killed" if os.WIFSIGNALED(status) else CODES[os.WEXITSTATUS(status)]


def run_once(graph: Graph) -> None:
    """Run a graph for three steps."""
    shape = graph.shapes[graph.inputs[0]]
    if len(graph.inputs) == 1 and np.prod(shape) < 1e5:
        run_graph(graph, np.ones((3, *shape)), DIALECT)


def told(error: GradassayError) -> str:
    """Return the kind of an error, which is one line."""
    if "\n" in str(error):
        raise AssertionError(error)
    return error.code


def counted(path: Path, how: Callable[[Path], str], count: int, seed: int) -> dict[str, int]:
    """Return how often each outcome came of so many damaged copies."""
    data, generator = path.read_bytes(), np.random.default_rng(seed)
    counts: dict[str, int] = {}
    for _ in range(count):
        path.write_bytes(damaged(data, generator))
        found = how(path)
        counts[found] = counts.get(found, 0) + 1
    print(counts)
    return counts


def test_a_damaged_file_gives_a_value_or_an_error_of_ours(chain_file: Path) -> None:
    counts = counted(chain_file, outcome, MUTATIONS // 50, 5)
    assert set(counts) <= {"value", "data", "configuration"}


def test_the_walk_over_a_damaged_file_ends_so_too_or_is_killed(chain_file: Path) -> None:
    counts = counted(chain_file, forked_outcome, MUTATIONS, 6)
    assert set(counts) <= {"value", "data", "configuration", "killed"}
    assert counts["value"] > MUTATIONS / 20
    assert counts["data"] > MUTATIONS / 20
    assert counts.get("killed", 0) < MUTATIONS / 50


def test_a_damaged_array_or_recording_gives_a_value_or_an_error_of_ours(tmp_path: Path) -> None:
    generator = np.random.default_rng(6)
    np.save(tmp_path / "x.npy", generator.integers(0, 2, (20, 3)))
    rows = ["step,neuron", *(f"{t},{t % 3}" for t in range(40))]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    for path in (tmp_path / "x.npy", tmp_path / "x.csv"):
        data = path.read_bytes()
        for _ in range(MUTATIONS // 3):
            path.write_bytes(damaged(data, generator))
            try:
                read_recording(path, (20, 3))
                if path.suffix == ".npy":
                    read_array(path)
            except GradassayError as error:
                told(error)


KINDS = "affine linear flatten scale threshold delay li lif if cuba".split()


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    """Draw a node whose parameters may not fit anything."""
    size = draw(st.sampled_from([(), (1,), (2,), (2,), (2, 1)]))
    number = st.floats(-4, 4, allow_subnormal=False)

    def values(shape: tuple[int, ...] = size) -> Any:
        count = int(np.prod(shape))
        return np.array(draw(st.lists(number, min_size=count, max_size=count))).reshape(shape)

    tau, spikes = np.abs(values()) + 0.1, {"v_threshold": values(), "v_reset": values()}
    kind = draw(
        st.sampled_from("affine linear flatten scale threshold delay li lif if cuba".split())
    )
    made: dict[str, Callable[[], Node]] = {
        "affine": lambda: Affine(values((2, 2)), values((2,))),
        "linear": lambda: Linear(values((2, 2))),
        "flatten": lambda: Flatten(draw(st.integers(-3, 3)), draw(st.integers(-3, 3)), None),
        "scale": lambda: Scale(values()),
        "threshold": lambda: Threshold(values()),
        "delay": lambda: Delay(np.abs(values())),
        "li": lambda: Neuron("LI", values(), tau, values()),
        "lif": lambda: Neuron("LIF", values(), tau, values(), **spikes),
        "if": lambda: Neuron("IF", values(), **spikes),
        "cuba": lambda: Neuron(
            "CubaLIF", values(), tau, values(), tau_syn=tau, w_in=values(), **spikes
        ),
    }
    return made[kind]()


@settings(
    max_examples=examples(150),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_random_graph_gives_a_value_or_an_error_of_ours(data: st.DataObject) -> None:
    inner = data.draw(st.lists(nodes(), min_size=1, max_size=5))
    found: dict[str, Node] = {"in": Input((2,)), "out": Output((2,))}
    found |= {f"n{i}": node for i, node in enumerate(inner)}
    names = ["in", *(f"n{i}" for i in range(len(inner))), "out"]
    edges = set(itertools.pairwise(names))
    anywhere = st.tuples(st.sampled_from(names), st.sampled_from(names))
    edges |= set(data.draw(st.lists(anywhere, max_size=3)))
    try:
        graph = build_graph(found, sorted(edges))
        given = run_graph(graph, np.ones((6, 2)), DIALECT)
    except GradassayError as error:
        told(error)
        return
    assert given.outputs["out"].shape == (6, 2)
    assert set(graph.order) == set(found)
