"""Against torch's own counter, and nothing that it does not know left out in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import initial_params
from gradassay.cost.connections import connections
from gradassay.cost.measure import count
from gradassay.estimators import make_estimator, zoo_names
from gradassay.torch_snn import TorchBackend
from gradassay.verify.oracles.autograd_oracle import as_tensor, autograd_loss

SAMPLES = 4
# multiply nothing with a matrix: element by element, or another view of the same numbers; which of
# them a function is made of differs between torch 2.8 and 2.13
HARMLESS = frozenset(
    """
    _local_scalar_dense _log_softmax _log_softmax_backward_data _to_copy _unsafe_view abs add
    addcmul_ alias aminmax bitwise_or clamp copy_ detach div div_ empty empty_like exp_ expand
    expm1 fill_ gather ge index index_put_ isnan lift_fresh lt max mean min mse_loss
    mse_loss_backward mul mul_ neg neg_ new_empty new_full new_ones nll_loss_backward
    nll_loss_forward ones_like permute repeat scatter_ scatter_add_ select sigmoid sigmoid_ sign
    slice squeeze squeeze_ stack sub sum t transpose unbind unsqueeze view zeros zeros_like
    """.split()
)


def product_in_place(_: Any, left: Any, right: Any, **__: Any) -> int:
    """Two operations a MAC, of matrices in a stack."""
    return int(2 * left[0] * left[1] * left[2] * right[2])


def counting() -> FlopCounterMode:
    """Torch's counter, told of the product in place, which it does not know."""
    known = {torch.ops.aten.baddbmm_: product_in_place}
    return FlopCounterMode(display=False, custom_mapping=known)


class Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names of all operations that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, function: Any, _: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        self.names.add(function.overloadpacket.__name__)
        return function(*inputs, **(options or {}))


def known_products() -> set[str]:
    """Operations that the counter counts."""
    registry = counting().flop_registry
    return {packet.__name__ for packet in registry if hasattr(packet, "__name__")}


def network_of(*, smooth: bool = False) -> Network:
    return fully_connected(6, (7, 5, 6), 3, steps=3, neuron=Neuron(smooth=smooth))


def batch_of(network: Network, backend: TorchBackend) -> Batch:
    generator = Key(3).generator()
    inputs = generator.uniform(0, 2, (network.steps, SAMPLES, network.inputs))
    return Batch(backend.asarray(inputs), backend.asarray(np.arange(SAMPLES) % network.classes))


@pytest.mark.parametrize("subject", [*zoo_names(), "opzo+0.01*local_learning"])
def test_torch_multiplies_what_the_closed_form_says(subject: str) -> None:
    backend, network = TorchBackend("float64", fused=False), network_of()
    estimator = make_estimator(subject)
    params = initial_params(network, Key(4), gain=3.0).map(backend.asarray)
    batch = batch_of(network, backend)
    cost = count(estimator, backend, network, params, batch, Key(5)).cost
    state = estimator.init(backend, network, Key(5))
    with Seen() as seen, counting() as counter:
        estimator.estimate(backend, network, params, batch, state, Key(5))
    dense = network.steps * sum(connections(layer) for layer in network.weighted)
    made = cost.backward_macs + cost.tangent_macs + cost.update_macs
    made += cost.feedback_macs + cost.feedback_update_macs
    # a bias's gradient is summed over steps by a product, which is not synaptic
    biases = network.steps * sum(layer.outputs for layer in network.weighted)
    biases = biases if cost.update_macs else 0
    total = SAMPLES * (cost.forward_passes * dense + made) + biases
    assert counter.get_total_flops() == 2 * total
    assert seen.names - known_products() - HARMLESS == set()


def test_autograd_multiplies_what_backpropagation_through_time_does() -> None:
    backend, network = TorchBackend("float64"), network_of(smooth=True)
    arrays = initial_params(network, Key(4))
    batch = batch_of(network, backend)
    cost = count(
        make_estimator("bptt"), backend, network, arrays.map(backend.asarray), batch, Key(5)
    ).cost
    weights = {name: as_tensor(array).requires_grad_() for name, array in arrays.items()}
    plain = Batch(np.asarray(batch.inputs), np.asarray(batch.targets))
    with Seen() as seen:
        with counting() as forward:
            loss = autograd_loss(network, weights, plain)
        with counting() as backward:
            loss.backward()  # type: ignore[no-untyped-call]
    assert forward.get_total_flops() == 2 * SAMPLES * cost.forward_macs
    assert backward.get_total_flops() == 2 * SAMPLES * (cost.backward_macs + cost.update_macs)
    assert seen.names - known_products() - HARMLESS == set()


def test_an_operation_that_the_counter_does_not_know_is_seen() -> None:
    with Seen() as seen, counting() as counter:
        torch.linalg.inv(torch.eye(3))
    assert counter.get_total_flops() == 0
    assert seen.names - known_products() - HARMLESS != set()
