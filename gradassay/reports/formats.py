"""Numbers as people read them: significant digits, intervals, counts, units."""

from __future__ import annotations

import math
from collections.abc import Iterable

TIMES = "\u00d7"
MINUS = "\u2212"
INFINITY = "\u221e"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_JOULES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, as people write it.

    Parameters
    ----------
    value : float
        Any float, not finite ones too.
    digits : int, optional
        Significant digits.

    Examples
    --------
    >>> number(1234.5), number(0.033333), number(0.0), number(float("nan"))
    ('1,234', '0.0333', '0', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    sign = MINUS if value < 0 else ""
    size = abs(value)
    if math.isinf(size):
        return sign + INFINITY
    if size == 0:
        return "0"
    mantissa, power = f"{size:.{digits - 1}e}".split("e")
    exponent = int(power)
    if exponent < -3 or exponent > 5:
        return f"{sign}{mantissa} {TIMES} {power_of_ten(exponent)}"
    return f"{sign}{size:,.{max(digits - 1 - exponent, 0)}f}"


def power_of_ten(exponent: int) -> str:
    """Return a power of ten with a raised exponent.

    Examples
    --------
    >>> power_of_ten(-3)
    '10⁻³'
    """
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def decade(exponent: int) -> str:
    """Return the label of a power of ten on an axis: plain where short.

    Examples
    --------
    >>> decade(-2), decade(3), decade(7)
    ('0.01', '1,000', '10⁷')
    """
    return (
        f"{10.0**exponent:,.{max(-exponent, 0)}f}"
        if -3 <= exponent <= 4
        else power_of_ten(exponent)
    )


def count(value: int) -> str:
    """Return a whole number with thousands set apart."""
    return f"{value:,}"


def estimate(value: float, low: float, high: float) -> tuple[str, str]:
    """Return an estimate and its interval, with digits enough to tell the ends apart.

    Parameters
    ----------
    value, low, high : float
        Estimate and ends.

    Returns
    -------
    text, interval : str
        The interval is empty where both ends are the value.

    Examples
    --------
    >>> estimate(0.5, 0.4999, 0.5001), estimate(0.0, 0.0, 0.0)
    (('0.5000', '[0.4999, 0.5001]'), ('0', ''))
    """
    if low == value == high:
        return number(value), ""
    for digits in (3, 4, 5, 6):
        texts = [number(item, digits) for item in (value, low, high)]
        if len(set(texts)) == len({value, low, high}) or math.isnan(low) or math.isnan(high):
            break
    return texts[0], f"[{texts[1]}, {texts[2]}]"


def quantity(value: float, unit: str) -> str:
    """Return a cost with its unit, scaled to a readable size.

    Examples
    --------
    >>> quantity(3_819_520, "MAC"), quantity(0.0123, "s"), quantity(2, "pass"), quantity(512, "B")
    ('3.82 M', '12.3 ms', '2', '512')
    """
    if not math.isfinite(value) or value == 0:
        return number(value)
    if unit in ("s", "seconds", "second"):
        size, name = next((pair for pair in _SECONDS if abs(value) >= pair[0]), _SECONDS[-1])
        return f"{number(value / size)} {name}"
    scale = next((pair for pair in _LARGE if abs(value) >= pair[0]), None)
    if scale is not None:
        return f"{number(value / scale[0])} {scale[1]}"
    return str(int(value)) if value == int(value) else number(value)


def joules(value: float) -> str:
    """Return an energy with a unit of a readable size.

    Examples
    --------
    >>> joules(3.2e-6), joules(0.0)
    ('3.20 µJ', '0')
    """
    if not math.isfinite(value) or value == 0:
        return number(value)
    size, name = next((pair for pair in _JOULES if abs(value) >= pair[0]), _JOULES[-1])
    return f"{number(value / size)} {name}"


def percent(fraction: float) -> str:
    """Return a fraction as per cent with one decimal.

    Examples
    --------
    >>> percent(0.8912)
    '89.1 %'
    """
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else number(fraction)


def span(values: list[int]) -> str:
    """Return one number, or the smallest and the largest of several.

    Examples
    --------
    >>> span([3, 3]), span([64, 4096, 512])
    ('3', '64 to 4,096')
    """
    low, high = min(values), max(values)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def coverages(levels: Iterable[float]) -> str:
    """Return nominal coverages of intervals, each once.

    Examples
    --------
    >>> coverages([0.95, 0.9, 0.95])
    '90 % and 95 %'
    """
    return " and ".join(f"{100 * level:g} %" for level in sorted(set(levels)))


def one_line(text: str) -> str:
    r"""Return text on one line; what cannot be printed becomes a blank.

    Examples
    --------
    >>> one_line("two\n  lines")
    'two lines'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
