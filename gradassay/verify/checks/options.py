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
