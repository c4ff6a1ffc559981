"""A data set of any size, as a sweep of small measurements would leave it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from gradassay.sweeps import SCHEMA, SCHEMA_VERSION
from gradassay.sweeps.assembling import write_groups

LAYERS = ("hidden1", "readout", "total")
QUANTITIES = (
    ("squared_bias", "surrogate_bp"),
    ("squared_bias", "smoothed_loss"),
    ("noise_variance", ""),
    ("batch_variance", ""),
    ("state_variance", ""),
    ("total_variance", ""),
    ("mean_squared_error", "surrogate_bp"),
    ("cosine", "surrogate_bp"),
    ("gradient_norm", "surrogate_bp"),
)
ROWS_OF_A_CELL = len(LAYERS) * len(QUANTITIES)
SEEDS = 10
_ESTIMATORS = ("dfa", "dkp", "opzo", "zo_single_point", "zo_two_point")


def write_synthetic(folder: Path, rows: int) -> int:
    """Write results and manifest of about so many rows, and return how many there are."""
    cells = rows // ROWS_OF_A_CELL
    folder.mkdir(parents=True)
    written = write_groups(folder / "results.parquet", _tables(cells))
    manifest = {
        "seed": 0,
        "command": "made up",
        "sweep_schema_version": SCHEMA_VERSION,
        "cells": cells,
        "rows": written,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return written


def _tables(cells: int, at_once: int = 5000) -> Iterator[pa.Table]:
    for start in range(0, cells, at_once):
        yield _table(np.arange(start, min(start + at_once, cells)))


def _table(cells: np.ndarray) -> pa.Table:
    generator = np.random.default_rng(int(cells[0]))
    setting = cells // SEEDS
    alpha = setting // len(_ESTIMATORS) % 200
    columns = {
        "cell": cells,
        "kind": np.full(len(cells), "measure"),
        "estimator": np.array(_ESTIMATORS)[setting % len(_ESTIMATORS)],
        "options": np.char.add("alpha=", (alpha / 100).astype(str)),
        "dataset": np.full(len(cells), "digits"),
        "network": np.char.add("fc-", (8 + setting // 1000).astype(str)),
        "steps": np.full(len(cells), 4),
        "batch_size": np.full(len(cells), 4),
        "budget": np.full(len(cells), 256),
        "training": np.full(len(cells), ""),
        "seed": cells % SEEDS,
    }
    whole = {name: np.repeat(values, ROWS_OF_A_CELL) for name, values in columns.items()}
    values = generator.lognormal(size=len(cells) * ROWS_OF_A_CELL)
    rows = [(layer, *pair) for layer in LAYERS for pair in QUANTITIES]
    for i, name in enumerate(("layer", "quantity", "oracle")):
        whole[name] = np.tile([row[i] for row in rows], len(cells))
    whole |= {
        "epoch": np.zeros(len(values), int),
        "value": values,
        "low": values * 0.9,
        "high": values * 1.1,
        "level": np.full(len(values), 0.95),
        "replicates": np.full(len(values), 256),
        "unit": np.full(len(values), "1"),
    }
    return pa.table(
        {name: pa.array(whole[name]).cast(SCHEMA.field(name).type) for name in SCHEMA.names}
    ).cast(SCHEMA)
