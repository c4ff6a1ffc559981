"""Test accuracies of the paper, to stand beside measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_METHODS = ("spatial_bp", "dfa", "dkp", "zo_single_point", "opzo", "opzo+0.01*local_learning")
_TABLE: Mapping[str, tuple[float | None, ...]] = {
    "nmnist": (98.15, 97.98, 97.87, 72.90, 98.27, None),
    "dvs-gesture": (95.72, 91.67, 60.53, 23.73, 94.33, 96.06),
    "cifar10-dvs": (75.43, 60.60, 37.70, 31.67, 72.77, 77.47),
    "cifar10": (90.00, 79.90, 81.84, 49.04, 85.74, 89.42),
    "cifar100": (64.82, 49.50, 53.27, 22.26, 60.93, 64.77),
}
# per cent by data set and method
PAPER: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        (dataset, method): value
        for dataset, values in _TABLE.items()
        for method, value in zip(_METHODS, values, strict=True)
        if value is not None
    }
)
NOTE = "Paper: Xiao et al., arXiv 2407.12516, its own networks and recipes"


def paper_accuracy(problem: str, subject: str) -> float | None:
    """Return the paper's test accuracy in per cent; None where it has none.

    Parameters
    ----------
    problem : str
        As in the records: begins with the data set's name and a comma. The paper has no number for
        a part of a data set, whose name says how many samples it has.
    subject : str
        The estimator; the weight of local learning may be another one than ours.

    Examples
    --------
    >>> paper_accuracy("cifar10, conv5, T=6", "opzo"), paper_accuracy("mnist, fc-8, T=6", "opzo")
    (85.74, None)
    """
    if problem.endswith("samples"):
        return None
    dataset = problem.partition(",")[0]
    return PAPER.get((dataset, subject))
