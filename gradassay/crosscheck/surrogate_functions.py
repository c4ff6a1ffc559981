"""A library's surrogate derivatives as functions of the distance to the threshold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradassay.crosscheck.torch_implementation import DTYPES

NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True)
class SurrogateFunction:
    """One surrogate derivative of a library, at threshold 1.

    Parameters
    ----------
    subject : str
        Library and function, for people.
    make : callable
        Takes parameters by name; returns psi as a function of ``u - V``, which may raise anything.
    parameters : mapping from name to float
        Numbers that it takes, at their defaults; where there is none, at 1.
    imports, call : str
        Code: lines, and an expression with ``{parameters}`` that gives psi at the tensor x.
    """

    subject: str
    make: Callable[..., Callable[[Tensor], Tensor]]
    parameters: Mapping[str, float]
    imports: str
    call: str

    def at(
        self, x: np.ndarray, changed: Mapping[str, float] = NOTHING, precision: str = "float64"
    ) -> np.ndarray:
        """Return psi.

        Parameters
        ----------
        x : array, shape (n,)
            Membrane potential less the threshold.
        changed : mapping from name to float
            Parameters that are not at their defaults.
        precision : {"float64", "float32"}
            Of x.
        """
        function = self.make(**{**self.parameters, **changed})
        with torch.random.fork_rng():
            torch.manual_seed(0)
            psi = function(torch.tensor(x, dtype=DTYPES[precision]))
        found: np.ndarray = psi.detach().to(torch.float64).numpy()
        return found

    def code(
        self, x: float, changed: Mapping[str, float] = NOTHING, precision: str = "float64"
    ) -> str:
        """Return a script that prints psi at x."""
        given = ", ".join(f"{name}={value:g}" for name, value in changed.items())
        tensor = f"torch.tensor([{x:g}], dtype=torch.{precision}, requires_grad=True)"
        return f"import torch\n{self.imports}\nx = {tensor}\nprint({self.call}.item())\n".replace(
            "{parameters}", given
        )


def numbers_taken(
    function: Callable[..., object], missing: float | None = None
) -> dict[str, float] | None:
    """Return the numbers that a call takes, at their defaults; None where it needs something else.

    Parameters
    ----------
    function : callable
        A class or a function. Its first argument is left out where it is called x.
    missing : float or None
        Value of a parameter without default.
    """
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        value = missing if parameter.default is parameter.empty else parameter.default
        if name == "x":
            continue
        if value is None or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return None
        if not isinstance(value, bool):
            found[name] = value
    return found


def by_autograd(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return psi of a function that gives spikes, whose derivative autograd takes.

    Parameters
    ----------
    function : callable
        From ``u - V`` to spikes.
    """

    def psi(x: Tensor) -> Tensor:
        given = x.clone().requires_grad_()
        (found,) = torch.autograd.grad(function(given).sum(), given)
        return found

    return psi
