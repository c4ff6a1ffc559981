"""Cells that cost nothing: their rows follow from their coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gradassay import __version__
from gradassay.sweeps import Grid, SweepCell, SweepFolder, SweepRow, grid_points
from gradassay.sweeps.run import Sweep

LAYERS = ("hidden1", "readout", "total")


def cells_of(grid: Grid) -> tuple[SweepCell, ...]:
    return tuple(
        SweepCell(
            replace(point, network=point.network or "fc-8", steps=point.steps or 4),
            grid.model,
            (("train-inputs", "00ff"),),
            __version__,
        )
        for point in grid_points(grid)
    )


def made_up(cell: SweepCell) -> list[SweepRow]:
    start = sum(cell.digest.encode()) / 1000
    return [
        SweepRow(0, layer, quantity, oracle, value, value - 0.1, value + 0.2, 0.95, 256, "1")
        for i, layer in enumerate(LAYERS)
        for j, (quantity, oracle) in enumerate(
            [("squared_bias", "surrogate_bp"), ("total_variance", ""), ("cosine", "surrogate_bp")]
        )
        for value in [start + i + j / 10]
    ]


@pytest.fixture
def small_grid() -> Grid:
    return Grid(
        estimators=["dfa", "opzo"], seeds=[0, 1, 2], options={"opzo.alpha": [0.1, 0.2]}, budgets=256
    )


@pytest.fixture
def sweep_at(small_grid: Grid) -> Callable[[str | Path], Sweep]:
    return lambda place: Sweep(SweepFolder(place), cells_of(small_grid))
