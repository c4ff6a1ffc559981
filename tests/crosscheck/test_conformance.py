"""Everything that is known of a library, and its page, from a library that is made up."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gradassay.core.errors import UsageError
from gradassay.core.neuron import Neuron
from gradassay.crosscheck import suite
from gradassay.crosscheck.adapters import LIBRARIES, MissingLibrary, library
from gradassay.crosscheck.conformance import Conformance, available, measure
from gradassay.crosscheck.expected import spike
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.page import conformance_page
from gradassay.crosscheck.problems import problems
from gradassay.crosscheck.scripts import Code
from gradassay.crosscheck.surrogate_functions import SurrogateFunction
from gradassay.crosscheck.torch_implementation import TorchImplementation

NAME = LIBRARIES[0]
MODULE = f"gradassay.crosscheck.adapters.{NAME}"
BEFORE = """\
class Node:
    def __init__(self, late=False):
        self.u, self.late = torch.zeros(1, 1, dtype=torch.float64), late
    def __call__(self, current):
        u = 0.5 * self.u + current
        spikes = ({fires}).to(u.dtype)
        self.u = u - spikes.detach()
        return spikes
"""


@dataclass
class Made(TorchImplementation):
    """A neuron with a comparison of its own."""

    name: str
    fires: str = "u >= 1"
    profile: Profile = field(default_factory=lambda: Profile(leaks=(0.5,), thresholds=(1.0,)))

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Neuron:
        return neuron

    def step(self, node: Neuron, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        u = current if state is None else node.leak * state + current
        spikes = spike(u, node)
        if self.fires == "u > 1":
            spikes = spikes * (u != 1)
        return spikes, u, u - node.threshold * spikes.detach()

    def code(self, neuron: Neuron) -> Code:
        return Code(
            imports="",
            before=BEFORE.format(fires=self.fires),
            node="Node()",
            step="spikes = node(current); u = node.u",
        )


def flat(x: Tensor, k: float) -> Tensor:
    return torch.ones_like(x)


FUNCTION = SurrogateFunction(
    f"{NAME} flat", lambda **given: lambda x: flat(x, **given), {"k": 1.0}, "", "(0 * x + 1)"
)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a library in the place of one that need not be installed; one problem is enough."""
    module = SimpleNamespace(
        default=lambda: Made(f"{NAME} default"),
        matched=lambda: (Made(f"{NAME} matched"),),
        suspects=lambda: (Made(f"{NAME} suspect", fires="u > 1"),),
        surrogates=lambda: (FUNCTION,),
    )
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(suite, "problems", lambda *given: [p for p in problems(*given) if p.exact])


@pytest.fixture
def found(made_up: None) -> Conformance:
    return measure([NAME], command="crosscheck", tell=lambda line: None)


def test_a_page_holds_conventions_agreement_and_defects_of_a_library(found: Conformance) -> None:
    assert {row.verdict for row in found.matched} == {"PASS"}
    failed = [row for row in found.suspects if row.verdict == "FAIL"]
    assert {row.check for row in failed} >= {"conventions_as_claimed"}
    told = [defect.defect for defect in found.defects]
    assert f"{NAME} flat" in {defect.subject for defect in found.defects}
    assert any("not the neuron promised: spikes where u >= V" in one for one in told)
    text = conformance_page(found)
    assert f"| {NAME} suspect | conventions_as_claimed | 1 of 1 |" in text
    assert "k has no effect" in text.lower()
    assert text.count("printed, and expected:") == len(found.defects)


def test_every_script_of_a_defect_prints_something_else_than_it_should(found: Conformance) -> None:
    assert found.defects
    assert all(one.printed != one.expected for one in found.defects)


def test_what_is_not_installed_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(MissingLibrary, match=f"pip install {NAME}"):
        library(NAME, "default")
    present, missing = available([NAME])
    assert present == []
    assert len(missing) == 1
    with pytest.raises(UsageError, match="library: got 'brian'"):
        library("brian", "default")
