"""Moments, oracles, checks: what an estimator's mean and variance are, and what they should be.

`verify` and `measure` import torch and are loaded when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradassay.verify.checks.case import Settings
    from gradassay.verify.checks.failure_text import failure_text
    from gradassay.verify.measuring.design import Design
    from gradassay.verify.measuring.measurement import measure
    from gradassay.verify.measuring.problem import Problem
    from gradassay.verify.suite import check_estimator, verify
    from gradassay.verify.testing import parametrize_with_checks

_HOMES = {
    "Design": "gradassay.verify.measuring.design",
    "Problem": "gradassay.verify.measuring.problem",
    "failure_text": "gradassay.verify.checks.failure_text",
    "measure": "gradassay.verify.measuring.measurement",
    "Settings": "gradassay.verify.checks.case",
    "check_estimator": "gradassay.verify.suite",
    "parametrize_with_checks": "gradassay.verify.testing",
    "verify": "gradassay.verify.suite",
}

__all__ = [
    "Design",
    "Problem",
    "Settings",
    "check_estimator",
    "failure_text",
    "measure",
    "parametrize_with_checks",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
