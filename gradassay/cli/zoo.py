"""``gradassay zoo``: the estimators, and what they claim."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def zoo() -> int:
    """List the estimators, their noise and their claims."""
    from gradassay.estimators import make_estimator, zoo_names

    table = Table(title="The zoo", title_justify="left")
    for heading in ("name", "noise", "claims"):
        table.add_column(heading, overflow="fold")
    for name in zoo_names():
        estimator = make_estimator(name)
        model = estimator.noise
        noise = "none" if model is None else f"{model.law}, alpha {model.scale:g}"
        table.add_row(name, noise, "; ".join(str(claim) for claim in estimator.claims))
    Console().print(table)
    return 0
