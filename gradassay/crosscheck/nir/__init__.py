"""NIR graphs: read without trust, run in NumPy under a named dialect, compared with recordings."""

from gradassay.crosscheck.nir.arrays import prepare_input, read_array, read_recording
from gradassay.crosscheck.nir.comparison import (
    Divergence,
    Explanation,
    best,
    compare_runs,
    explain,
    recorded_node,
)
from gradassay.crosscheck.nir.dialect import (
    PRESET_NAMES,
    PRESETS,
    Dialect,
    find_dialect,
    with_variations,
)
from gradassay.crosscheck.nir.graph import Graph, build_graph
from gradassay.crosscheck.nir.reading import read_graph
from gradassay.crosscheck.nir.simulation import Run, run_graph

__all__ = [
    "PRESETS",
    "PRESET_NAMES",
    "Dialect",
    "Divergence",
    "Explanation",
    "Graph",
    "Run",
    "best",
    "build_graph",
    "compare_runs",
    "explain",
    "find_dialect",
    "prepare_input",
    "read_array",
    "read_graph",
    "read_recording",
    "recorded_node",
    "run_graph",
    "with_variations",
]
