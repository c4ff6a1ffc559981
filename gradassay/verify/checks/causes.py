"""Usual causes of a wrong mean, in the order that the ratios to the estimand suggest."""

from __future__ import annotations

from collections.abc import Collection, Mapping

# ratios as close as this are the same, to people
SAME = 0.05
FACTOR = "a factor: 1/alpha, 1 - lambda, bias correction, sum for mean"
SIGN = "a flipped sign"
UNCORRELATED = "the noise that is correlated is not the one that was injected, or none was"
ONE_LAYER = "the local rule, the feedback or the noise of that layer alone"
ESTIMAND = (
    "another estimand than claimed: noise law, loss of step or sequence, pairing, rule in time"
)
REUSED = "noise reused between layers, steps or samples"
ENTRIES = "some entries only: a trace, a bias, a channel, psi"


def usual_causes(ratios: Mapping[str, float], parallel: Collection[str] = ()) -> str:
    """Return the causes, numbered, one a line.

    Parameters
    ----------
    ratios : mapping from layer's name to float
        What was found, along what was expected, over what was expected; 1 where it is right.
    parallel : collection of str
        Layers where what was found is known to be a multiple of what was expected: a small ratio is
        then a factor, and no lack of correlation.

    Examples
    --------
    >>> print(usual_causes({"hidden1": 0.2, "hidden2": 0.2, "readout": 1.0}).splitlines()[0])
    1 a factor: 1/alpha, 1 - lambda, bias correction, sum for mean (0.2 in hidden1, hidden2)
    >>> print(usual_causes({"hidden1": 0.01}, parallel=["hidden1"]).splitlines()[0])
    1 a factor: 1/alpha, 1 - lambda, bias correction, sum for mean (0.01 in hidden1)
    """
    wrong = {name: ratio for name, ratio in ratios.items() if abs(ratio - 1) > SAME}
    where = ", ".join(wrong)
    values = list(wrong.values())
    order: list[str] = []
    if values and all(abs(ratio + 1) < SAME for ratio in values):
        order.append(f"{SIGN} (in {where})")
    elif values and all(abs(r) < SAME and name not in parallel for name, r in wrong.items()):
        order.append(f"{UNCORRELATED} (nothing along the estimand in {where})")
    elif values and max(values) - min(values) < SAME * abs(values[0]):
        order.append(f"{FACTOR} ({values[0]:.3g} in {where})")
    if len(wrong) == 1 and len(ratios) > 2:
        order.append(f"{ONE_LAYER} ({where})")
    if not wrong:
        order.append(ENTRIES)
    order += [ESTIMAND, REUSED, FACTOR]
    told = [cause for i, cause in enumerate(order) if not any(cause in o for o in order[:i])]
    return "\n".join(f"{number} {cause}" for number, cause in enumerate(told[:4], start=1))
