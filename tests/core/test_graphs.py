"""Networks that are graphs: builders, sources, what is refused."""

from typing import Any

import pytest

from gradassay.core.builders import convolutional, network_named
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Layer, Linear, Scale, Spiking, Sum
from gradassay.core.network import INPUT, Network
from gradassay.core.params import initial_params
from gradassay.core.residual import residual


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("conv5", (3, 32, 32)),
        ("conv9", (2, 48, 48)),
        ("resnet18", (3, 64, 64)),
        ("resnet34", (1, 28, 28)),
        ("32C3-AP2-64C5-FC", (1, 28, 28)),
    ],
)
def test_named_networks_survive_json(name: str, inputs: tuple[int, int, int]) -> None:
    network = network_named(name, inputs, 10, steps=4)
    again = Network.from_json(network.to_json())
    assert again == network
    assert again.digest == network.digest
    assert network.classes == 10
    assert network.inputs == inputs[0] * inputs[1] * inputs[2]


def test_conv9_has_the_channels_of_its_plan() -> None:
    network = network_named("conv9", (3, 32, 32), 10)
    channels = [layer.channels for layer in network.layers if isinstance(layer, Conv2d)]
    assert channels == [64, 128, 256, 256, 512, 512, 512, 512]
    assert network.shapes["readout.weight"] == (10, 512 * 4 * 4)


def test_resnet34_has_the_parameters_of_the_image_net_form() -> None:
    network = network_named("resnet34", (3, 224, 224), 1000)
    convolutions = [layer for layer in network.layers if isinstance(layer, Conv2d)]
    assert len(convolutions) == 1 + 2 * (3 + 4 + 6 + 3) + 3
    assert network.shapes["readout.weight"] == (1000, 512)
    assert network.layer("stage4.1.conv1").inputs == 256 * 14 * 14


def test_layers_know_who_feeds_them_and_whom_they_feed() -> None:
    network = residual((2, 12, 12), (1, 1), 3, width=4)
    assert network.sources(network.layer("stem")) == (INPUT,)
    assert network.sources(network.layer("stage2.1.shortcut")) == ("stage2.1.scale1",)
    fed = {layer.name for layer in network.consumers("pool")}
    assert fed == {"stage1.1.beta", "stage1.1.sum"}
    assert network.has_memory(network.weighted[0])
    assert not network.has_memory(network.readout)
    assert network.below_neurons("stem")
    assert not network.below_neurons("readout")


def test_many_branches_between_neurons_are_followed_once() -> None:
    branches: list[Layer] = []
    before = "first"
    for number in range(60):  # 2^60 paths
        names = f"left{number}", f"right{number}"
        branches += [Scale(name, 4, 0.5, source=before) for name in names]
        before = f"sum{number}"
        branches.append(Sum(before, 4, names))
    network = Network(
        (Linear("first", 3, 4), *branches, Spiking("lif", 4), Linear("readout", 4, 2))
    )
    assert network.has_memory(network.weighted[0])
    assert network.below_neurons("left0")
    assert not network.below_neurons("lif")


def test_a_spiking_readout_is_no_hidden_layer() -> None:
    network = Network(
        (Linear("a", 3, 4), Spiking("b", 4), Linear("readout", 4, 2), Spiking("out", 2))
    )
    assert [layer.name for layer in network.spiking] == ["b"]
    assert [layer.name for layer in network.populations] == ["b", "out"]
    assert network.has_memory(network.readout)
    assert not network.below_neurons("readout")
    assert network.classes == 2


def test_initial_params_scale_with_the_fan_in_and_start_gains_where_they_say() -> None:
    network = residual((2, 12, 12), (1,), 3, width=16)
    params = initial_params(network, Key(0), gain=2.0)
    assert params["stem.weight"].std() * (2 * 49) ** 0.5 == pytest.approx(2.0, rel=0.1)
    assert set(params["stem.gain"]) == {2.0}
    assert params["stage1.1.gain.weight"].tolist() == [0.0]
    assert not params["readout.bias"].any()


A, B, C = Linear("a", 3, 4), Spiking("b", 4), Linear("c", 4, 2)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((A, C), "at least one hidden Spiking layer"),
        ((A, Spiking("out", 4)), "at least one hidden Spiking layer"),
        ((A, B), "at least one hidden Spiking layer"),
        ((A, B, Linear("c", 4, 2, source="nowhere")), "source of c: got 'nowhere'; expected one"),
        ((Linear("a", 3, 4, source="b"), B, C), "source of a: got 'b'"),
        ((A, B, Linear("c", 5, 2)), "size of c: got 5; expected 4 (b)"),
        ((A, B, Linear("lost", 4, 4, source="b"), Linear("c", 4, 2, source="b")), "lost: got"),
        ((A, B, Scale("input", 4, 2.0), C), "none 'input'"),
        (
            (A, Linear("skip", 3, 2, source=INPUT), Spiking("b", 4, source="a"),
             Linear("d", 4, 2), Spiking("e", 2), Linear("f", 2, 2),
             Sum("g", 2, ("f", "skip")), Linear("h", 2, 2, source="g")),
            None,
        ),
        (
            (A, B, Linear("both", 4, 2), Spiking("e", 2), Linear("f", 2, 2),
             Sum("g", 2, ("f", "both")), Linear("h", 2, 2)),
            "got ['both']; expected a spiking layer between",
        ),
    ],
)  # fmt: skip
def test_what_a_graph_must_be(layers: tuple[Any, ...], words: str | None) -> None:
    if words is None:
        assert Network(layers)
        return
    with pytest.raises(ConfigurationError) as caught:
        Network(layers)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Conv2d("c", (1, 2, 2), 3, kernel=5, padding=0), "c.kernel: got 5; expected at"),
        (lambda: Conv2d("c", (1, 4, 4), 0), "c.channels: got 0"),
        (lambda: Conv2d("c", (0, 4, 4), 1), "c.input_shape: got (0, 4, 4)"),
        (lambda: Conv2d("c", (1, 4, 4), 1, kernel=1, standardised=True), "fan-in of c: got 1"),
        (lambda: AvgPool("p", (1, 3, 3), 4), "p.kernel: got 4"),
        (lambda: Sum("s", 3, ("a", "a")), "s.of: got ('a', 'a'); expected two or more different"),
        (lambda: Gain("g", 0), "g.units: got 0"),
        (lambda: Scale("s", 3, float("inf")), "s.factor: got inf"),
        (lambda: Flatten("f", (1, 0, 1)), "f.input_shape"),
    ],
)
def test_impossible_layers_are_one_line_errors(build: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert words in str(caught.value)


def test_layer_that_does_not_exist_is_named_with_the_near_match() -> None:
    network = network_named("fc-4-3", 6, 2)
    with pytest.raises(UsageError, match=r"layer: got 'lif3'.*Did you mean 'lif"):
        network.layer("lif3")


@pytest.mark.parametrize("plan", ["FC", "32C3", "32C3-FC-AP2", "C3-FC", "32C-FC", "32C3--FC"])
def test_plan_of_another_form_says_the_form(plan: str) -> None:
    with pytest.raises(UsageError, match="expected <channels>C<kernel>"):
        convolutional((1, 8, 8), plan, 3)


def test_convolutions_need_an_image() -> None:
    with pytest.raises(ConfigurationError, match="network conv5: got 784 features; expected"):
        network_named("conv5", 784, 10)
