"""Sweeps: the cells of a grid, computed by any workers, put together as one data set."""

from gradassay.sweeps.grid import Grid, GridPoint, grid_points, read_grid
from gradassay.sweeps.plan import Plan
from gradassay.sweeps.reading import is_sweep, iterate_sweep, read_sweep
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.table import SCHEMA, SCHEMA_VERSION, SweepCell, SweepRow

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Grid",
    "GridPoint",
    "Plan",
    "SweepCell",
    "SweepFolder",
    "SweepRow",
    "grid_points",
    "is_sweep",
    "iterate_sweep",
    "read_grid",
    "read_sweep",
]
