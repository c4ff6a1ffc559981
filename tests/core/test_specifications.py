"""Networks, neurons and losses: edge values that are allowed, the words of those that are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, GradassayError, UsageError
from gradassay.core.layers import AvgPool, Flatten, Gain, Linear, Scale, Spiking, Sum
from gradassay.core.network import INPUT, MOST_STEPS, Loss, Network
from gradassay.core.neuron import Neuron, Surrogate

A, B, C = Linear("a", 3, 4), Spiking("b", 4), Linear("c", 4, 2)
KINDS = (
    "expected at least one hidden Spiking layer, and a Linear readout last (or Spiking after it)."
)
POSITIVE = "expected a positive number."
NAMES = "expected no name twice, none 'input'."


@pytest.mark.parametrize(
    "build",
    [
        lambda: Network((A, B, C), steps=1),
        lambda: Network((A, B, C), steps=MOST_STEPS),
        lambda: Neuron(leak=0.0),
        lambda: Neuron(leak=1.0),
        lambda: Neuron(threshold=1e-300),
        lambda: Surrogate(scale=1e-300),
        lambda: Loss(0.0),
        lambda: Loss(1.0),
        lambda: Network((A, B, Flatten("f", (1, 2, 2)), C)),
        lambda: Network((A, Scale("s", 4, 2.0), B, C)),
        lambda: Network((Spiking("b", 4), C)),
    ],
)
def test_edge_values_are_allowed(build: Callable[[], Any]) -> None:
    assert build() == build()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Network((A, B, C), steps=2.0), "steps: got 2.0; expected a whole number T."),  # type: ignore[arg-type]
        (lambda: Network((A, B, C), steps=True), "steps: got True; expected a whole number T."),
        (lambda: Network((A, B, C), steps=0), "steps: got 0; expected T of at least 1."),
        (
            lambda: Network((A, B, C), steps=MOST_STEPS + 1),
            "steps: got 1000001; expected T of at most 1,000,000.",
        ),
        (
            lambda: Network((A, Spiking("a", 4), C)),
            f"layer names: got ['a', 'a', 'c']; {NAMES}",
        ),
        (
            lambda: Network((Linear(INPUT, 3, 4), B, C)),
            f"layer names: got ['input', 'b', 'c']; {NAMES}",
        ),
        (
            lambda: Network((A, Spiking("b", 5), Linear("c", 5, 2))),
            "size of b: got 5; expected 4 (a).",
        ),
        (
            lambda: Network((A, B, Linear("s", 5, 4, source=INPUT), Sum("t", 4, ("b", "s")), C)),
            "size of s: got 5; expected 3 (input).",
        ),
        (
            lambda: Network((A, B, Linear("c", 4, 2, source="x"))),
            "source of c: got 'x'; expected one of ['a', 'b', 'input'].",
        ),
        (
            lambda: Network((Linear("a", 3, 4, source="b"), B, C)),
            "source of a: got 'b'; expected one of [].",
        ),
        (lambda: Network((A, C)), f"layers: got ['Linear', 'Linear']; {KINDS}"),
        (lambda: Network(()), f"layers: got []; {KINDS}"),
        (lambda: Network((A, B)), f"layers: got ['Linear', 'Spiking']; {KINDS}"),
        (
            lambda: Network((Spiking("b", 4), Spiking("d", 4))),
            f"layers: got ['Spiking', 'Spiking']; {KINDS}",
        ),
        (
            lambda: Network((A, B, Scale("s", 4, 2.0))),
            f"layers: got ['Linear', 'Spiking', 'Scale']; {KINDS}",
        ),
        (
            lambda: Network((A, B, Gain("g", 4))),
            f"layers: got ['Linear', 'Spiking', 'Gain']; {KINDS}",
        ),
        (
            lambda: Network((A, B, AvgPool("p", (1, 2, 2)))),
            f"layers: got ['Linear', 'Spiking', 'AvgPool']; {KINDS}",
        ),
        (
            lambda: Network((A, B, Linear("d", 4, 4, source="b"), Linear("c", 4, 2, source="b"))),
            "d: got 'no layer that it feeds'; expected one or more.",
        ),
        (
            lambda: Network(
                (A, B, Linear("z", 4, 2), Linear("y", 4, 2, source="b"), Sum("s", 2, ("z", "y")),
                 Spiking("e", 2), Linear("f", 2, 2), Sum("g", 2, ("f", "s")), Linear("h", 2, 2))
            ),
            "layers: got ['y', 'z']; expected a spiking layer between these and the output.",
        ),
        (lambda: Neuron(leak=-0.1), "leak: got -0.1; expected a number in [0, 1]."),
        (lambda: Neuron(leak=1.1), "leak: got 1.1; expected a number in [0, 1]."),
        (lambda: Neuron(threshold=0), "threshold: got 0; expected a positive number."),
        (lambda: Neuron(threshold=math.inf), "threshold: got inf; expected a positive number."),
        (lambda: Surrogate(scale=0), "surrogate scale: got 0; expected a positive number."),
        (lambda: Surrogate(scale=math.inf), f"surrogate scale: got inf; {POSITIVE}"),
        (lambda: Loss(-0.1), "mse_weight: got -0.1; expected a number in [0, 1]."),
        (lambda: Loss(1.1), "mse_weight: got 1.1; expected a number in [0, 1]."),
    ],
)  # fmt: skip
def test_an_impossible_specification_says_the_field_and_what_was_expected(
    build: Callable[[], Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: Neuron(reset="sift"),  # type: ignore[arg-type]
            "reset: got 'sift'; expected one of hard, none, soft. Did you mean 'soft'?",
        ),
        (
            lambda: Surrogate("gauss"),  # type: ignore[arg-type]
            "surrogate: got 'gauss'; expected one of arctan, gaussian, rectangle, sigmoid,"
            " superspike, triangle. Did you mean 'gaussian'?",
        ),
        (
            lambda: Network((A, B, C)).layer("e"),
            "layer: got 'e'; expected one of a, b, c.",
        ),
        (
            lambda: Network((A, B, C)).layer("bb"),
            "layer: got 'bb'; expected one of a, b, c. Did you mean 'b'?",
        ),
    ],
)
def test_an_unknown_word_of_a_specification_lists_those_that_exist(
    build: Callable[[], Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build()
    assert str(caught.value) == words


def test_json_that_is_no_network_is_told_by_the_place_in_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Network.from_json('{"steps": 3}')
    assert str(caught.value) == "network JSON: Object missing required field `layers`."
    with pytest.raises(GradassayError, match=r"^network JSON: .* contains unknown field `color`"):
        Network.from_json('{"layers": [], "color": 1}')


def test_a_copy_has_the_changes_and_all_else_of_the_network() -> None:
    network = fully_connected(4, (3,), 2, steps=5, neuron=Neuron(leak=0.25))
    changed = network.replace(steps=7, loss=Loss(1.0))
    assert changed == Network(network.layers, Neuron(leak=0.25), 7, Loss(1.0))
    assert network.steps == 5
    with pytest.raises(ConfigurationError, match="steps: got 0"):
        network.replace(steps=0)


def test_a_digest_is_sixteen_digits_of_sha_256_of_the_json() -> None:
    network = Network((A, B, C))
    assert network.to_json() == (
        '{"layers":[{"type":"linear","name":"a","inputs":3,"outputs":4},'
        '{"type":"spiking","name":"b","units":4},{"type":"linear","name":"c","inputs":4,"outputs":2}]}'
    )
    # as the command sha256sum tells it
    assert network.digest == "96e68beeb1e3c16c"


SKIP = Network(
    (
        A,
        Linear("skip", 3, 2, source=INPUT),
        Spiking("b", 4, source="a"),
        Linear("d", 4, 2),
        Spiking("e", 2),
        Sum("g", 2, ("e", "skip")),
        Linear("h", 2, 2),
    )
)


def test_a_layer_has_memory_where_its_output_reaches_neurons_and_not_the_readouts_current() -> None:
    memory = {layer.name: SKIP.has_memory(layer) for layer in SKIP.weighted}
    assert memory == {"a": True, "skip": False, "d": True, "h": False}
    spiking = SKIP.replace(layers=(*SKIP.layers, Spiking("out", 2)))
    assert all(spiking.has_memory(layer) for layer in spiking.weighted)
    for network in (SKIP, spiking):
        below = {layer.name for layer in network.layers if network.below_neurons(layer.name)}
        assert below == {"a", "b", "d"}


def test_sources_and_consumers_of_a_graph() -> None:
    sources = {layer.name: SKIP.sources(layer) for layer in SKIP.layers}
    assert sources["a"] == sources["skip"] == (INPUT,)
    assert sources["b"] == ("a",)
    assert sources["g"] == ("e", "skip")
    assert sources["h"] == ("g",)
    assert [layer.name for layer in SKIP.consumers(INPUT)] == ["a", "skip"]
    assert SKIP.consumers("h") == SKIP.consumers("absent") == ()
    assert SKIP.output.name == "h"
    assert SKIP.readout.name == "h"
    assert (SKIP.inputs, SKIP.classes) == (3, 2)
