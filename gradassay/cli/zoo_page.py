"""One estimator in words: what it does, its options, its claims."""

from __future__ import annotations

import dataclasses
import inspect

from gradassay.core.estimator import Estimator
from gradassay.estimators.hybrid import Hybrid


def page_of(estimator: Estimator) -> str:
    """Return the first paragraph, the options with their defaults, and the claims, one a line.

    Examples
    --------
    >>> from gradassay.estimators import make_estimator
    >>> print(page_of(make_estimator("spatial_bp")))
    spatial_bp
      Send the error down layer by layer at each step: g_l[t] = W_{l+1}^T delta_{l+1}[t].
    <BLANKLINE>
      options
        temporal = 'online'
    <BLANKLINE>
      claims
        unbiased for online_bp
        1 forward, 1 backward
        deterministic given its state
        online
    """
    parts = estimator.parts if isinstance(estimator, Hybrid) else (estimator,)
    options = [line for part in parts for line in _options(part, prefix=len(parts) > 1)]
    return "\n".join(
        [
            estimator.name,
            *_indented(_paragraph(estimator).splitlines(), 2),
            "",
            "  options",
            *_indented(options or ["none"], 4),
            "",
            "  claims",
            *_indented([str(claim) for claim in estimator.claims] or ["none"], 4),
        ]
    )


def _paragraph(estimator: Estimator) -> str:
    """Return the first paragraph of the class's docstring, without its markup."""
    text = inspect.getdoc(type(estimator)) or ""
    return text.partition("\n\n")[0].replace("``", "")


def _options(estimator: Estimator, *, prefix: bool) -> list[str]:
    """Return ``option = value`` of the fields; with the method's name before it in a sum."""
    if not dataclasses.is_dataclass(estimator):
        return []
    start = f"{estimator.name}: " if prefix else ""
    return [
        f"{start}{field.name} = {getattr(estimator, field.name)!r}"
        for field in dataclasses.fields(estimator)
    ]


def _indented(lines: list[str], width: int) -> list[str]:
    """Return the lines with blanks before them."""
    return [" " * width + line for line in lines]
