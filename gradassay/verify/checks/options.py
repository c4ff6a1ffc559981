"""Variants of an estimator: the same method with other options."""

from __future__ import annotations

import dataclasses

from gradassay.core.estimator import Estimator


def with_options(estimator: Estimator, **options: object) -> Estimator | None:
    """Return the estimator with other options; None if it does not have them."""
    if not dataclasses.is_dataclass(estimator) or isinstance(estimator, type):
        return None
    if not set(options) <= {field.name for field in dataclasses.fields(estimator)}:
        return None
    return dataclasses.replace(estimator, **options)


def with_dyadic_signs(estimator: Estimator) -> Estimator:
    """Return the estimator, its noise scaled by 1/4 where it draws signs.

    With weights that are binary fractions, another scale could put a membrane potential within
    rounding of the threshold, where two orders of summation may differ.
    """
    try:
        if estimator.noise is not None and estimator.noise.law == "rademacher":
            return with_options(estimator, alpha=0.25) or estimator
    except Exception:  # a third party's code: the checks find it too, and say so
        pass
    return estimator
