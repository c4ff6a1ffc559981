from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.builders import fully_connected, network_named
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.layers import Linear, Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate

networks = st.builds(
    fully_connected,
    st.integers(1, 9),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 9),
    bias=st.booleans(),
    steps=st.integers(1, 20),
    neuron=st.builds(
        Neuron,
        leak=st.floats(0, 1),
        threshold=st.floats(0.1, 5),
        reset=st.sampled_from(["soft", "hard", "none"]),
        surrogate=st.builds(Surrogate, scale=st.floats(0.1, 20)),
        smooth=st.booleans(),
    ),
    loss=st.builds(Loss, mse_weight=st.floats(0, 1), over=st.sampled_from(["step", "sequence"])),
)


@given(networks)
def test_json_round_trip_keeps_equality_hash_and_digest(network: Network) -> None:
    again = Network.from_json(network.to_json())
    assert again == network
    assert hash(again) == hash(network)
    assert again.digest == network.digest


@given(networks, networks)
def test_digests_differ_where_networks_do(a: Network, b: Network) -> None:
    assert (a.digest == b.digest) == (a == b)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: fully_connected(4, (3,), 2, steps=0), "steps: got 0; expected T of at least 1"),
        (lambda: fully_connected(4, (), 2), "at least one hidden Spiking"),
        (lambda: Neuron(leak=1.5), "leak: got 1.5; expected a number in"),
        (lambda: Neuron(leak=float("nan")), "leak: got nan"),
        (lambda: Neuron(threshold=0.0), "threshold: got 0.0; expected a positive"),
        (lambda: Surrogate(scale=-1.0), "surrogate scale: got -1.0"),
        (lambda: Loss(mse_weight=2.0), "mse_weight: got 2.0"),
        (lambda: Linear("readout", 0, 3), "readout.inputs: got 0"),
        (
            lambda: Network((Linear("a", 3, 4), Spiking("b", 5), Linear("c", 5, 2))),
            "size of b: got 5; expected 4 (a)",
        ),
        (
            lambda: Network((Linear("a", 3, 4), Spiking("a", 4), Linear("c", 4, 2))),
            "no name twice",
        ),
    ],
)
def test_impossible_specification_is_a_one_line_error(build: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["fc", "fc-", "fc-0", "fc-3-x", "conv6", "FC-3", "fc-3-"])
def test_unknown_network_name_says_the_form(name: str) -> None:
    with pytest.raises(UsageError, match="expected fc-N-N"):
        network_named(name, 4, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layers": [], "color": 1}', '{"steps": "x"}'])
def test_bad_json_is_an_error_of_configuration(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"network JSON|layers"):
        Network.from_json(text)
