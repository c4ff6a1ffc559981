"""Training steps of other libraries on the same network, as their documentation writes them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gradassay.bench.steps import LEARNING_RATE, MOMENTUM, random_batch
from gradassay.core.errors import ConfigurationError
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Layer, Linear, Spiking
from gradassay.core.network import Network

Step = Callable[[int], None]
LEAK = 0.5


def peer_steps(network: Network, samples: int) -> dict[str, Step]:
    """Return a call for each way of training in each library that is installed.

    All train the same layers in float32 with autograd and SGD with momentum, on a static batch that
    is presented T times; the loss is the cross entropy of the mean output.

    Parameters
    ----------
    network : Network
        Dense, convolutional, pooling and flattening layers, in sequence.
    samples : int
        B.

    Raises
    ------
    ConfigurationError
        If the network has other layers.
    """
    found: dict[str, Step] = {}
    for library, make in MAKERS.items():
        if importlib.util.find_spec(library) is not None:
            for name, (module, forward) in make(network).items():
                found[name] = _trained(network, samples, module, forward)
    return found


def _trained(network: Network, samples: int, module: Any, forward: Callable[..., Tensor]) -> Step:
    """Return a training step; `forward` gives the loss of inputs (B, n) and targets."""
    inputs, targets = (torch.tensor(array) for array in random_batch(network, samples))
    inputs = inputs.float().reshape(samples, *_shape(network))
    optimiser = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

    def step(number: int) -> None:
        optimiser.zero_grad(set_to_none=True)
        forward(inputs, targets)
        optimiser.step()

    return step


def _shape(network: Network) -> tuple[int, ...]:
    """Return the shape of one input."""
    first = network.layers[0]
    return first.input_shape if isinstance(first, Conv2d | AvgPool) else (network.inputs,)


def modules_of(network: Network, neuron: Callable[[], Any]) -> Iterator[Any]:
    """Yield torch's modules of a network's layers, with a library's neurons between.

    Parameters
    ----------
    network : Network
        As in `peer_steps`.
    neuron : callable
        Makes the neurons of a layer.
    """
    for layer in network.layers:
        yield _module(layer, neuron)


def _module(layer: Layer, neuron: Callable[[], Any]) -> Any:
    if isinstance(layer, Spiking):
        return neuron()
    if isinstance(layer, Linear):
        return torch.nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
    if isinstance(layer, Conv2d):
        channels, made = layer.input_shape[0], layer.weight_shape
        given = (layer.stride, layer.padding)
        return torch.nn.Conv2d(channels, made[0], made[-1], *given, bias=layer.bias)
    if isinstance(layer, AvgPool):
        return torch.nn.AvgPool2d(layer.kernel)
    if isinstance(layer, Flatten):
        return torch.nn.Flatten()
    raise ConfigurationError(
        f"bench: got layer {layer.name!r}, a {type(layer).__name__}; expected dense, "
        "convolutional, pooling and flattening layers and neurons, for other libraries."
    )


def _by_steps(
    module: Any, steps: int, reset: Callable[[], Any], call: Callable[..., Any]
) -> Callable[..., Tensor]:
    """Return backpropagation through T calls of a module; `call` takes inputs and the state."""

    def forward(inputs: Tensor, targets: Tensor) -> Tensor:
        reset()
        outputs, state = torch.zeros(()), None
        for _ in range(steps):
            output, state = call(inputs, state)
            outputs = outputs + output
        loss = torch.nn.functional.cross_entropy(outputs / steps, targets)
        torch.autograd.backward([loss])
        return loss

    return forward


def _snntorch(network: Network) -> dict[str, tuple[Any, Callable[..., Tensor]]]:
    import snntorch
    from snntorch import utils

    def neuron() -> Any:
        return snntorch.Leaky(beta=LEAK, init_hidden=True)

    module = torch.nn.Sequential(*modules_of(network, neuron))

    def call(inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        return module(inputs), state

    forward = _by_steps(module, network.steps, lambda: utils.reset(module), call)
    return {"snntorch": (module, forward)}


def _norse(network: Network) -> dict[str, tuple[Any, Callable[..., Tensor]]]:
    import norse.torch

    cells = modules_of(network, norse.torch.LIFBoxCell)
    module = norse.torch.SequentialState(*cells)
    return {"norse": (module, _by_steps(module, network.steps, lambda: None, module))}


def _sinabs(network: Network) -> dict[str, tuple[Any, Callable[..., Tensor]]]:
    from sinabs.activation import SingleSpike
    from sinabs.layers import LIFSqueeze

    def neuron() -> Any:
        given = {"tau_mem": 1.4427, "spike_fn": SingleSpike, "norm_input": False}
        return LIFSqueeze(**given, num_timesteps=network.steps)

    module = torch.nn.Sequential(*modules_of(network, neuron))
    spiking: list[Any] = [one for one in module if hasattr(one, "reset_states")]

    def forward(inputs: Tensor, targets: Tensor) -> Tensor:
        for one in spiking:
            one.reset_states()
        outputs = module(inputs.repeat_interleave(network.steps, 0))
        mean = outputs.unflatten(0, (len(inputs), network.steps)).mean(1)
        loss = torch.nn.functional.cross_entropy(mean, targets)
        torch.autograd.backward([loss])
        return loss

    return {"sinabs": (module, forward)}


def _spikingjelly(network: Network) -> dict[str, tuple[Any, Callable[..., Tensor]]]:
    from spikingjelly.activation_based import functional, layer
    from spikingjelly.activation_based import neuron as nodes

    def lif() -> Any:
        return nodes.LIFNode(decay_input=False, v_reset=None, detach_reset=True)

    def call(inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        return single(inputs), state

    single = torch.nn.Sequential(*modules_of(network, lif))
    folded = torch.nn.Sequential(
        *(
            one if isinstance(one, nodes.LIFNode) else layer.SeqToANNContainer(one)
            for one in modules_of(network, lif)
        )
    )
    functional.set_step_mode(folded, "m")

    def multi(inputs: Tensor, targets: Tensor) -> Tensor:
        functional.reset_net(folded)
        outputs = folded(inputs.expand(network.steps, *inputs.shape))
        loss = torch.nn.functional.cross_entropy(outputs.mean(0), targets)
        torch.autograd.backward([loss])
        return loss

    reset: Any = functional.reset_net
    return {
        "spikingjelly": (single, _by_steps(single, network.steps, lambda: reset(single), call)),
        "spikingjelly multi-step": (folded, multi),
        "spikingjelly OTTT": _online(network, nodes.OTTTLIFNode, layer.OTTTSequential, reset),
        "spikingjelly SLTT": _online(network, nodes.SLTTLIFNode, torch.nn.Sequential, reset),
    }


def _online(
    network: Network, kind: Any, sequential: Any, reset: Callable[[Any], Any]
) -> tuple[Any, Callable[..., Tensor]]:
    """Return a module of SpikingJelly's online neurons, with a backward pass at each step."""
    module = sequential(*modules_of(network, lambda: kind(decay_input=False, v_reset=None)))

    def forward(inputs: Tensor, targets: Tensor) -> Tensor:
        loss = torch.zeros(())
        for _ in range(network.steps):
            loss = torch.nn.functional.cross_entropy(module(inputs), targets) / network.steps
            torch.autograd.backward([loss])
        reset(module)
        return loss

    return module, forward


MAKERS: dict[str, Callable[[Network], dict[str, tuple[Any, Callable[..., Tensor]]]]] = {
    "snntorch": _snntorch,
    "spikingjelly": _spikingjelly,
    "norse": _norse,
    "sinabs": _sinabs,
}
