"""The surrogate derivatives that a library offers: what they are, and which are broken."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from gradassay.crosscheck.derivatives import GRID, SYMMETRIC, Derivative
from gradassay.crosscheck.reproduction import Reproduction, printed_by
from gradassay.crosscheck.torch_implementation import DTYPES

# of the largest value: below it a derivative has vanished
VANISHED = 1e-2
NOTHING: Mapping[str, float] = {}
FAR = 100.0
# how exactly the place is found from which on a derivative is not finite
EDGE = 1e-3
# every function takes it: a probability too
WITHIN = 0.5
RAISING = """\
try:
    {}
except Exception as error:
    print(type(error).__name__, error)
"""


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


@dataclass(frozen=True)
class SurrogateRow:
    """What was found of one surrogate derivative.

    Parameters
    ----------
    subject : str
        Library and function.
    at_threshold, integral, smallest : float
        psi(0), its integral over [-8, 8], and its least value there; NaN where it raises.
    symmetric, vanishes : bool
        Whether psi(x) = psi(-x), and whether it is small at x = -100 and 100.
    not_finite : dict from precision to tuple of float
        The x nearest to 0, on each side, at which it is not.
    sign_flips : bool
        Whether it is of opposite signs there, and not small.
    without_effect : tuple of str
        Parameters that change nothing.
    raises : str
        What it raises everywhere at its defaults; empty if nothing.
    """

    subject: str
    at_threshold: float = math.nan
    integral: float = math.nan
    smallest: float = math.nan
    symmetric: bool = False
    vanishes: bool = False
    not_finite: dict[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    sign_flips: bool = False
    without_effect: tuple[str, ...] = ()
    raises: str = ""


def survey(function: SurrogateFunction) -> SurrogateRow:
    """Return what is found of a surrogate derivative on the grid.

    Parameters
    ----------
    function : SurrogateFunction
        Evaluated at its defaults, and with each parameter changed.
    """
    try:
        function.at(np.array([WITHIN]))
    except Exception as error:  # a third party's code
        return SurrogateRow(function.subject, raises=f"{type(error).__name__}: {error}")
    try:
        found = Derivative(GRID, function.at(GRID))
        not_finite = {precision: tuple(_edges(function, precision)) for precision in DTYPES}
    except Exception:  # a third party's code, which may take a part of the grid alone
        return SurrogateRow(function.subject)
    far = function.at(np.array([-FAR, FAR]))
    largest = float(np.nanmax(np.abs(found.values))) or 1.0
    return SurrogateRow(
        function.subject,
        found.at_threshold,
        found.integral,
        float(np.nanmin(found.values)),
        symmetric=found.asymmetry < SYMMETRIC,
        vanishes=bool((np.abs(far) <= VANISHED * largest).all()),
        sign_flips=bool(far[0] * far[1] < 0 and (np.abs(far) > VANISHED * largest).all()),
        not_finite={precision: at for precision, at in not_finite.items() if at},
        without_effect=tuple(_without_effect(function, found.values)),
    )


def _edges(function: SurrogateFunction, precision: str) -> Iterator[float]:
    """Yield, on each side, the x next to 0 at which psi is not finite, by bisection."""
    finite = np.isfinite(function.at(GRID, precision=precision))
    for sign in (-1.0, 1.0):
        side = np.sort(np.abs(GRID[~finite & (sign * GRID > 0)]))
        if not len(side):
            continue
        broken, fine = float(side[0]), 0.0
        while broken - fine > EDGE:
            middle = (broken + fine) / 2
            value = function.at(np.array([sign * middle]), precision=precision)[0]
            broken, fine = (broken, middle) if np.isfinite(value) else (middle, fine)
        yield sign * math.ceil(100 * broken) / 100


def _without_effect(function: SurrogateFunction, values: np.ndarray) -> Iterator[str]:
    """Yield the parameters that change psi nowhere."""
    for name, value in function.parameters.items():
        try:
            changed = function.at(GRID, {name: _other(value)})
        except Exception:  # a third party's code, which may refuse the value
            continue
        if np.array_equal(values, changed, equal_nan=True):
            yield name


def _other(value: float) -> float:
    """Return another value of a parameter, of its type."""
    return 2 * value if value else type(value)(1)


def surrogate_defects(functions: Sequence[SurrogateFunction]) -> Iterator[Reproduction]:
    """Yield what is broken: not finite, raising, a parameter without effect, a sign that flips.

    A derivative that neither vanishes far from the threshold nor has one sign there pushes weights
    in opposite directions however far a neuron is from spiking.

    Parameters
    ----------
    functions : sequence of SurrogateFunction
        Of a library.
    """
    for function in functions:
        row = survey(function)
        if row.raises:
            *head, last = function.code(WITHIN).splitlines()
            script = "\n".join([*head, RAISING.format(last)])
            yield from _shown(row, "raises at its defaults", [script], "a number")
        for precision, places in row.not_finite.items():
            scripts = [function.code(places[0], precision=precision)]
            told = " and ".join(f"{x:g}" for x in places)
            defect = f"psi is not finite from u - V = {told} on in {precision}"
            yield from _shown(row, defect, scripts, "a finite number")
        for name in row.without_effect:
            values = (function.parameters[name], _other(function.parameters[name]))
            scripts = [function.code(0.1, {name: value}) for value in values]
            yield from _shown(row, f"{name} has no effect", scripts, "two different numbers")
        if row.sign_flips:
            scripts = [function.code(x) for x in (-FAR, FAR)]
            defect = "psi has opposite signs far below and far above the threshold"
            yield from _shown(row, defect, scripts, "0, or one sign")


def _shown(
    row: SurrogateRow, defect: str, scripts: Sequence[str], expected: str
) -> Iterator[Reproduction]:
    """Yield a defect with its script, or two scripts in one."""
    first, *others = scripts
    script = first + "".join("\n".join(other.splitlines()[2:]) + "\n" for other in others)
    yield Reproduction(row.subject, defect, script, printed_by(script), expected)


def surrogate_table(rows: Sequence[SurrogateRow]) -> list[str]:
    """Return a table in Markdown, a row a surrogate derivative.

    Parameters
    ----------
    rows : sequence of SurrogateRow
        Of all libraries.
    """
    head = ["surrogate derivative", "at the threshold", "integral", "least", "symmetric"]
    head += ["vanishes", "not finite from", "no effect"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        if row.raises:
            cells = [row.subject, "**raises**", *[""] * 6]
        elif math.isnan(row.at_threshold):
            cells = [row.subject, "not a function of every x", *[""] * 6]
        else:
            broken = "; ".join(
                f"**{' and '.join(f'{x:g}' for x in places)} in {precision}**"
                for precision, places in row.not_finite.items()
            )
            numbers = [f"{x:.3g}" for x in (row.at_threshold, row.integral, row.smallest)]
            words = ["yes" if told else "no" for told in (row.symmetric, row.vanishes)]
            effect = ", ".join(f"**{name}**" for name in row.without_effect)
            cells = [row.subject, *numbers, *words, broken, effect]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


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
