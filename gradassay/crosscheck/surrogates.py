"""What is found of the surrogate derivatives that a library offers, and which are broken."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradassay.crosscheck.derivatives import GRID, SYMMETRIC, Derivative
from gradassay.crosscheck.reproduction import Reproduction, printed_by
from gradassay.crosscheck.surrogate_functions import SurrogateFunction
from gradassay.crosscheck.torch_implementation import DTYPES

# of the largest value: below it a derivative has vanished
VANISHED = 1e-2
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
