"""Short scripts that run one neuron of a library, to show what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEAD = """\
import torch
{imports}
{before}
node = {node}
{start}
"""
SPIKES = """\
for x in {currents}:
    current = torch.tensor([[x]], dtype=torch.float64)
    {step}
    print(f"{{x:g}}: {{spikes.item():g}} spikes, u = {{u.item():g}}")
"""
RESET_GRADIENT = """\
w = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
for x in {currents}:
    current = w * x
    {step}
u.sum().backward()
print(f"du/dw = {{w.grad.item():g}}")
"""
PRECISION = """\
current = torch.ones(1, 1, dtype=torch.float64)
{step}
print(spikes.dtype)
"""
LEAK = """\
us = []
for x in [{impulse}, 0.0]:
    current = torch.tensor([[x]], dtype=torch.float64)
    {step}
    us.append(u.item())
print(us[1] / us[0])
"""
REUSE = """\
def second_batch(seed):
    torch.manual_seed(seed)
    {make}
    for samples in [4, 6]:
        current = torch.linspace(0, 0.75, samples, dtype=torch.float64)[:, None]
        {step}
    return u
print(torch.equal(second_batch(0), second_batch(1)))
"""


@dataclass(frozen=True)
class Code:
    """A neuron of a library, as somebody would write it.

    Parameters
    ----------
    imports : str
        Lines that import the library.
    node : str
        Expression that makes the neuron.
    step : str
        Statement on `node`, `current` of shape (1, 1) and the state, that sets `spikes`, `u` and
        the state.
    start : str
        Lines that set the state before the first step.
    before : str
        Lines needed before the neuron is made.
    """

    imports: str
    node: str
    step: str
    start: str = ""
    before: str = ""

    def __call__(self, body: str, **values: object) -> str:
        """Return a script: the neuron, then a body."""
        head = HEAD.format(
            imports=self.imports, before=self.before, node=self.node, start=self.start
        )
        text = head + body.format(step=self.step, make=f"node = {self.node}", **values)
        return "\n".join(line for line in text.splitlines() if line) + "\n"


def options(given: Mapping[str, object]) -> str:
    """Return options as they are written in a call, each after a comma.

    Examples
    --------
    >>> options({"v_reset": None})
    ', v_reset=None'
    """
    return "".join(f", {name}={_written(value)}" for name, value in given.items())


def _written(value: object) -> str:
    """Return an option's value in Python; a library's own with its module."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    module = type(value).__module__
    return repr(value) if module == "builtins" else f"{module}.{value!r}"


def numbers(values: Sequence[float]) -> str:
    """Return numbers as a list in Python.

    Examples
    --------
    >>> numbers([0.25, 3.0])
    '[0.25, 3.0]'
    """
    return repr([float(f"{value:.12g}") for value in values])
