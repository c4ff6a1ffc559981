"""One planted fault: a method that is wrong in one place, and the check that must say so."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.estimator import Estimator


@dataclass(frozen=True)
class Fault:
    """A method with a known fault.

    Parameters
    ----------
    name : str
        What is wrong, for people; no other fault has it.
    kind : str
        The group that it belongs to: the name of its file.
    estimator : Estimator
        The faulty method.
    check : str
        Name of the check that must catch it.
    base : str
        Name of the right method, as `gradassay.estimators.make_estimator` takes it.
    """

    name: str
    kind: str
    estimator: Estimator
    check: str
    base: str
