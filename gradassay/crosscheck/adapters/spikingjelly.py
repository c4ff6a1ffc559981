"""SpikingJelly's `LIFNode`, and its online `OTTTLIFNode` and `SLTTLIFNode`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from spikingjelly.activation_based import functional, layer, surrogate
from spikingjelly.activation_based import neuron as nodes
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.implementation import Answer, Differentiated, Profile, Task
from gradassay.crosscheck.scripts import Code, numbers, options
from gradassay.crosscheck.surrogate_functions import SurrogateFunction, by_autograd, numbers_taken
from gradassay.crosscheck.torch_implementation import DTYPES, TorchImplementation, as_float
from gradassay.verify.oracles.autograd_oracle import mean_loss

SIGMOID = Surrogate("sigmoid", 4.0)
ONLINE = """\
import torch
from spikingjelly.activation_based import layer, neuron
lif = neuron.OTTTLIFNode(tau=2.0, decay_input=False, v_reset=None)
net = layer.OTTTSequential(torch.nn.Linear(1, 1), lif, torch.nn.Linear(1, 1)).double()
for p in net.parameters():
    torch.nn.init.constant_(p, {parameter})
for x in {inputs}:
    net(torch.tensor([[x]], dtype=torch.float64)).sum().backward()
print([round(p.grad.item(), 6) for p in net.parameters()])
"""


@dataclass
class Node(TorchImplementation):
    """A node of SpikingJelly, step by step.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    kind : type
        Class of the node; `LIFNode` where not given.
    options : mapping
        Of the class, beside tau and v_threshold.
    """

    name: str
    profile: Profile
    kind: Any = nodes.LIFNode
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the module; see the base."""
        tau = 1 / (1 - neuron.leak)
        return self.kind(
            tau=tau,
            v_threshold=neuron.threshold,
            surrogate_function=surrogate.Sigmoid(alpha=neuron.surrogate.scale),
            **self.options,
        )

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes = node(current)
        return spikes, node.v, None

    def code(self, neuron: Neuron) -> Code:
        """Return it in code; see the base."""
        given = {"tau": 1 / (1 - neuron.leak), "v_threshold": neuron.threshold} | dict(self.options)
        return Code(
            imports="from spikingjelly.activation_based import neuron",
            node=f"neuron.{self.kind.__name__}({options(given)[2:]})",
            step="spikes = node(current); u = node.v",
        )


class Online:
    """A network trained step by step: a backward pass at each step, the gradients summed.

    Parameters
    ----------
    name : str
        For people.
    rule : {"online", "spatial"}
        Of `OTTTLIFNode` in an `OTTTSequential`, or of `SLTTLIFNode`.
    """

    def __init__(self, name: str, rule: Differentiated) -> None:
        self.name, self.rule = name, rule
        self.profile = Profile(surrogate=SIGMOID, differentiates=(rule,))

    def run(self, task: Task) -> Answer:
        """Return what becomes of a task."""
        net, spikes = self._net(task)
        outputs = []
        for values in torch.tensor(task.inputs, dtype=DTYPES[task.precision]):
            output = net(values)
            outputs.append(output.detach())
            loss = mean_loss(task.network.loss, output[None], torch.tensor(task.targets))
            torch.autograd.backward([loss / len(task.inputs)])
        functional.reset_net(net)
        gradient = {
            f"{weighted.name}.{kind}": as_float(array.grad)
            for weighted, module in zip(task.network.weighted, net[::2], strict=True)
            for kind, array in module.named_parameters()
        }
        found = {name: as_float(torch.stack(steps)) for name, steps in spikes.items()}
        return Answer(found, {}, as_float(torch.stack(outputs)), gradient)

    def online_script(self, inputs: Sequence[float], parameter: float) -> str:
        """Return code of a net with one neuron; see `defects.GivesOnlineScript`."""
        if self.rule == "online":
            return ONLINE.format(inputs=numbers(inputs), parameter=parameter)
        return ""

    def _net(self, task: Task) -> tuple[Any, dict[str, list[Tensor]]]:
        """Return the network, and where its spikes will be found."""
        online = self.rule == "online"
        kind = nodes.OTTTLIFNode if online else nodes.SLTTLIFNode
        modules: list[Any] = []
        spikes: dict[str, list[Tensor]] = {one.name: [] for one in task.network.spiking}
        for number, weighted in enumerate(task.network.weighted):
            modules.append(_linear(task, weighted.name))
            if number < len(spikes):
                neuron = task.network.neuron
                node = kind(
                    tau=1 / (1 - neuron.leak),
                    decay_input=False,
                    v_threshold=neuron.threshold,
                    v_reset=None,
                    surrogate_function=surrogate.Sigmoid(alpha=neuron.surrogate.scale),
                )
                node.register_forward_hook(_keeps(spikes[task.network.spiking[number].name]))
                modules.append(node)
        net = layer.OTTTSequential(*modules) if online else torch.nn.Sequential(*modules)
        return net.train(), spikes


def _linear(task: Task, name: str) -> torch.nn.Linear:
    """Return a dense layer with the task's weights."""
    weight, bias = task.params[f"{name}.weight"], task.params.get(f"{name}.bias")
    outputs, inputs = weight.shape
    module = torch.nn.Linear(inputs, outputs, bias=bias is not None).to(DTYPES[task.precision])
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight))
        if bias is not None:
            module.bias.copy_(torch.tensor(bias))
    return module


def _keeps(steps: list[Tensor]) -> Any:
    """Return a hook that keeps a node's spikes."""

    def hook(module: Any, given: Any, output: Any) -> None:
        steps.append((output[0] if isinstance(output, list) else output).detach())

    return hook


def default() -> Node:
    """Return it as it comes."""
    return Node("spikingjelly LIFNode", Profile(surrogate=SIGMOID))


def matched() -> tuple[Node | Online, ...]:
    """Return the configurations that have an equal among the conventions."""
    lif = tuple(
        _matched(conventions, value, kept=kept)
        for conventions, value in ((Conventions(), None), (Conventions(reset="hard"), 0.0))
        for kept in (False, True)
    )
    return (*lif, Online("spikingjelly SLTTLIFNode", "spatial"))


def _matched(conventions: Conventions, value: float | None, *, kept: bool) -> Node:
    """Return a node without decay of the input, that resets to a value, or by subtraction."""
    told = f"{conventions.reset} reset, its gradient {'kept' if kept else 'cut'}"
    return Node(
        f"spikingjelly LIFNode, {told}",
        Profile(conventions, SIGMOID, reset_gradient=kept),
        options={"decay_input": False, "v_reset": value, "detach_reset": not kept},
    )


def suspects() -> tuple[Online, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not.

    OTTT's first layer and its biases have no trace, and its readout has one that it should not.
    """
    return (Online("spikingjelly OTTTLIFNode", "online"),)


def surrogates() -> tuple[SurrogateFunction, ...]:
    """Return the surrogate derivatives that can be made without arguments."""
    base = surrogate.SurrogateFunctionBase
    return tuple(
        SurrogateFunction(
            f"spikingjelly {name}",
            lambda kind=kind, **given: by_autograd(kind(**given)),
            taken,
            "from spikingjelly.activation_based import surrogate",
            f"torch.autograd.grad(surrogate.{name}({{parameters}})(x), x)[0]",
        )
        for name, kind in inspect.getmembers(surrogate, inspect.isclass)
        if issubclass(kind, base) and kind is not base and name == kind.__name__
        if (taken := numbers_taken(kind)) is not None
    )
