"""Defects of neurons are found, reduced to the smallest current, and shown by scripts that run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradassay.core.errors import UsageError
from gradassay.core.neuron import Neuron
from gradassay.crosscheck.defects import default_defects, option_defects, suspect_defects
from gradassay.crosscheck.findings import findings
from gradassay.crosscheck.reproduction import printed_by
from gradassay.crosscheck.reuse import reuse
from gradassay.crosscheck.scripts import Code
from gradassay.crosscheck.smallest import smallest_difference
from gradassay.crosscheck.torch_implementation import TorchImplementation

CODE = """\
class Node:
    def __init__(self):
        self.u = torch.zeros(1, 1, dtype=torch.float64)
    def __call__(self, current):
        if len(self.u) != len(current):
            chosen = torch.randint(len(self.u), (len(current),))
            self.u = self.u[chosen]
        u = {leak} * self.u + current
        spikes = ({fires}).{cast}
        self.u = u - spikes
        return spikes
"""


@dataclass
class Planted(TorchImplementation):
    """A neuron that keeps its state in a module, with something that can be wrong."""

    fires: str = "u >= 1"
    cast: str = "to(u.dtype)"
    leak: str = ""
    name: str = "planted"

    def code(self, neuron: Neuron) -> Code:
        leak = self.leak or f"{neuron.leak}"
        return Code(
            imports="",
            before=CODE.format(leak=leak, fires=self.fires, cast=self.cast),
            node="Node()",
            step="spikes = node(current); u = node.u",
        )

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        made: dict[str, Any] = {"torch": torch}
        exec(self.code(neuron).before, made)
        return made["Node"]()

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        spikes = node(current)
        return spikes, node.u, None


def test_a_right_neuron_has_no_defects() -> None:
    assert list(suspect_defects(Planted())) == []
    assert list(default_defects(Planted())) != []  # its state survives at random


@pytest.mark.parametrize(
    ("fires", "smallest"),
    [("u > 1", [1.0]), ("(u >= 1) & (u < 3)", [3.0]), ("(u >= 1) | (u < -0.5)", [-1.0])],
)
def test_wrong_spikes_are_reduced_to_one_step(fires: str, smallest: list[float]) -> None:
    planted = Planted(fires)
    found = smallest_difference(planted, Neuron(leak=0.5))
    assert found is not None
    assert found.current.tolist() == smallest
    (shown,) = suspect_defects(planted)
    assert shown.printed != shown.expected
    assert printed_by(shown.script) == shown.printed


def test_spikes_that_depend_on_an_earlier_step_keep_it() -> None:
    found = smallest_difference(Planted("(u >= 1) & (self.u < 1)"), Neuron(leak=0.5))
    assert found is not None
    assert len(found.current) == 2
    np.testing.assert_array_equal(found.expected[1] != found.found, [False, True])


def test_a_leak_in_single_precision_and_float32_spikes_are_shown() -> None:
    single = Planted(leak="torch.tensor(0.9).double()", cast="float()")
    told = [one.defect for one in default_defects(single)]
    assert any("another type" in line for line in told)
    assert any("off by 2.4e-08" in line for line in told)
    rows = {one.convention: one.found for one in findings(single)}
    assert rows["leak 0.9 is off by"] == "2.4e-08"
    assert rows["spikes of float64 currents are"] == "float32"


def test_what_becomes_of_a_second_batch_is_told() -> None:
    neuron = Neuron(leak=0.5)
    assert reuse(Planted(), neuron, same_size=True) == "goes on from the batch before"
    assert reuse(Planted(), neuron, same_size=False) == "differs from run to run"


CHOSEN = """\
class Node:
    def __init__(self, top=0.0, height=1.0):
        self.u, self.top, self.chosen = torch.zeros(1, 1, dtype=torch.float64), top, height
    def __call__(self, current):
        u = 0.5 * self.u + current
        spikes = (u >= 1 + self.top).to(u.dtype)
        self.u = u - self.chosen * spikes
        return spikes
"""


@dataclass
class WithOptions(Planted):
    """A neuron with an option that is read at every step, and one that is read once."""

    options: dict[str, float] = field(default_factory=dict)

    def code(self, neuron: Neuron) -> Code:
        given = ", ".join(f"{name}={value}" for name, value in self.options.items())
        step = "spikes = node(current); u = node.u"
        return Code(imports="", before=CHOSEN, node=f"Node({given})", step=step)

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        made: dict[str, Any] = {"torch": torch}
        exec(CHOSEN, made)
        node = made["Node"](**self.options)
        node.height = node.chosen
        node.u = torch.zeros(1, 1, dtype=torch.float64)
        return node

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        node.u = node.u.expand(len(current), 1)
        return node(current), node.u, None


def test_an_option_that_counts_at_construction_alone_is_shown() -> None:
    (shown,) = option_defects(WithOptions(options={"top": 0.5, "height": 0.25}))
    assert shown.defect == "height has no effect once the module is made"
    assert "node.height = 0.25" in shown.script


def test_a_script_that_stops_is_told() -> None:
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        printed_by("1 / 0")
