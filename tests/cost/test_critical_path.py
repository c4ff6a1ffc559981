from __future__ import annotations

import functools
from typing import Any

import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.layers import Gain, Spiking
from gradassay.core.network import INPUT, Network
from gradassay.core.params import initial_params
from gradassay.core.residual import residual
from gradassay.cost import Declared, Locking, locking, sequential_depth
from gradassay.cost.measure import count
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend

BACKEND = ReferenceBackend()


def analysed(subject: str, network: Network) -> tuple[Declared, Locking]:
    generator = Key(3).generator()
    batch = Batch(
        generator.uniform(0, 2, (2, network.inputs)), generator.integers(0, network.classes, 2)
    )
    params = initial_params(network, Key(4), gain=2.0)
    params = params.map(lambda array: array + 0.5 * (array.shape == (1,)))
    model = (BACKEND, network, params, batch, Key(5))
    estimator = make_estimator(subject)
    return count(estimator, *model).signal, locking(estimator, *model)


@pytest.mark.parametrize(("layers", "steps"), [(2, 1), (3, 4), (5, 3)])
@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("spatial_bp", lambda depth, steps: 2 * depth + steps - 1),
        ("feedback_alignment", lambda depth, steps: 2 * depth + steps - 1),
        ("bptt", lambda depth, steps: 2 * depth + 2 * steps - 2),
        ("dfa", lambda depth, steps: depth + steps + 1),
        ("opzo", lambda depth, steps: depth + steps + 1),
        ("zo_single_point", lambda depth, steps: depth + steps),
        ("zo_two_point", lambda depth, steps: depth + steps),
        ("spsa", lambda depth, steps: depth + steps),
        ("forward_gradient", lambda depth, steps: depth + steps),
        ("local_learning", lambda depth, steps: depth + steps + 1),
    ],
)
def test_depth_of_layers_in_a_row(subject: str, expected: object, layers: int, steps: int) -> None:
    network = fully_connected(6, (5,) * (layers - 1), 3, steps=steps)
    found = sequential_depth(network, *analysed(subject, network))
    assert found == expected(layers, steps)  # type: ignore[operator]


class Schedule:
    """Every piece of work as a node, with the pieces that it waits for: counted one by one."""

    def __init__(self, network: Network, signal: Declared, locks: Locking) -> None:
        self.network, self.signal, self.locks = network, signal, locks
        self.weighted = {layer.name for layer in network.weighted}

    def longest(self) -> int:
        return max(self.finished(("update", layer.name)) for layer in self.network.weighted)

    @functools.cache  # noqa: B019
    def finished(self, node: tuple[Any, ...]) -> int:
        kind, name, *rest = node
        last = self.network.steps - 1
        if kind == "run":
            return self._run(name, rest[0])
        if kind == "update":
            hidden = name in self.locks.waits_for
            wait = [self._delta(name, t) for t in range(last + 1)] if hidden else []
            own = max(wait) if hidden else self.finished(("run", self.network.output.name, last))
            return own + 1
        return self._down(name, rest[0])

    def _run(self, name: str, step: int) -> int:
        if name == INPUT:
            return 0
        layer = self.network.layer(name)
        ready = [self.finished(("run", below, step)) for below in self.network.sources(layer)]
        if step and name in self.weighted:
            ready.append(self.finished(("run", name, step - 1)))
        return max(ready) + (name in self.weighted)

    def _delta(self, name: str, step: int) -> int:
        """When the derivative by a weighted layer's output at a step is there."""
        if name in self.locks.backward:
            return self.finished(("down", name, step))
        above = self.locks.waits_for[name]
        source = above or self.network.output.name
        last = self.network.steps - 1
        until = last if self.locks.back_in_time and self.signal.in_weights else step
        ready = self.finished(("run", source, until))
        own = self._neurons(name)
        ready += any(m.direct and m.layer == own for m in self.signal.feedback)
        ready += any(m.reads_out and m.layer == above for m in self.signal.feedback)
        return ready + self._gains(name)

    def _down(self, name: str, step: int) -> int:
        """The derivative by a layer's output on its way down, one product a weighted layer."""
        if name == self.network.output.name:
            return self.finished(("run", name, step))
        ready = []
        for consumer in self.network.consumers(name):
            arrival = self.finished(("down", consumer.name, step))
            if isinstance(consumer, Spiking) and self.locks.back_in_time:
                if step + 1 < self.network.steps:
                    arrival = max(arrival, self.finished(("down", name, step + 1)) + 1)
            ready.append(arrival + (consumer.name in self.weighted))
        return max(ready)

    def _neurons(self, name: str) -> str:
        (first, *_) = self.network.consumers(name)
        return first.name if isinstance(first, Spiking) else self._neurons(first.name)

    def _gains(self, name: str) -> int:
        consumers = [c for c in self.network.consumers(name) if not isinstance(c, Spiking)]
        return max((isinstance(c, Gain) + self._gains(c.name) for c in consumers), default=0)


@pytest.mark.parametrize(
    "subject",
    ["spatial_bp", "bptt", "dfa", "opzo", "zo_single_point", "spsa", "local_learning",
     "intermediate_global"],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["dense", "residual"])
def test_depth_is_the_longest_path_of_a_schedule_counted_piece_by_piece(
    shape: str, subject: str
) -> None:
    network = fully_connected(6, (7, 6, 5, 4), 3, steps=3)
    if shape == "residual":
        network = residual((2, 9, 8), (1, 1), 3, width=2, steps=3)
    signal, locks = analysed(subject, network)
    assert sequential_depth(network, signal, locks) == Schedule(network, signal, locks).longest()


def test_depth_of_backpropagation_grows_twice_as_fast_with_layers_as_direct_feedback() -> None:
    depths = {
        subject: [
            sequential_depth(net, *analysed(subject, net))
            for net in (fully_connected(4, (4,) * n, 3, steps=2) for n in (2, 5))
        ]
        for subject in ("spatial_bp", "dfa")
    }
    assert [after - before for before, after in depths.values()] == [6, 3]
