"""Means over seeds of a sweep's quantities, from one pass over its data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from gradassay.core.records import Interval
from gradassay.reports.formats import count
from gradassay.sweeps.reading import iterate_sweep
from gradassay.sweeps.store import SweepFolder

LEVEL = 0.95
SHOWN = (
    ("squared_bias", "surrogate_bp"),
    ("total_variance", ""),
    ("mean_squared_error", "surrogate_bp"),
    ("cosine", "surrogate_bp"),
    ("final_test_accuracy", ""),
)
SETTING = (
    "kind",
    "estimator",
    "options",
    "dataset",
    "network",
    "steps",
    "batch_size",
    "budget",
    "training",
)
_KEYS = (*SETTING, "quantity", "oracle")
_READ = (*_KEYS, "cell", "layer", "value", "low", "high", "level", "replicates")
# partial sums of pieces are merged when there are so many rows of them
_MOST_PARTIAL = 1 << 18


@dataclass(frozen=True)
class Setting:
    """What cells that differ in the seed alone have in common; fields as the columns."""

    kind: str
    estimator: str
    options: str
    dataset: str
    network: str
    steps: int
    batch_size: int
    budget: int
    training: str

    @cached_property
    def problem(self) -> tuple[str, ...]:
        """What estimators are compared on."""
        parts = [self.dataset, self.network, f"T={self.steps}", f"batch {self.batch_size}"]
        parts += [f"{count(self.budget)} estimates"] if self.budget else []
        return (*parts, *([self.training] if self.training else []))

    @property
    def subject(self) -> str:
        """Estimator with its options."""
        return f"{self.estimator} {self.options}".strip()


@dataclass(frozen=True)
class SeedMean:
    """One quantity of one setting, over seeds.

    Parameters
    ----------
    setting : Setting
        All coordinates but the seed.
    quantity, oracle : str
        What it is; of all layers together.
    interval : Interval
        Mean over seeds with Student's t interval; of a single seed, its own.
    seeds, replicates : int
        Seeds, and gradient estimates of all of them.
    """

    setting: Setting
    quantity: str
    oracle: str
    interval: Interval
    seeds: int
    replicates: int


def summarise(folder: SweepFolder) -> list[SeedMean]:
    """Return means over seeds of the main quantities, in the grid's order.

    Notes
    -----
    The data set is read once, piece by piece. What is kept are counts, means and sums of squares of
    each setting and quantity: memory grows with those, not with rows.
    """
    kept: list[pd.DataFrame] = []
    rows = 0
    for partial in _partials(folder):
        kept.append(partial)
        rows += len(partial)
        if rows > _MOST_PARTIAL and len(kept) > 1:
            kept = [_merged(kept)]
            rows = len(kept[0]) // 2  # merge again when it has grown to twice that
    if not kept:
        return []
    return _means(_with_intervals(_merged(kept).sort_values("first", kind="stable")))


def _partials(folder: SweepFolder) -> Iterator[pd.DataFrame]:
    """Yield counts, means and sums of squared deviations of each piece."""
    wanted = (pc.field("layer") == "total") & pc.field("quantity").isin({name for name, _ in SHOWN})
    for batch in iterate_sweep(folder, _READ):
        table = pa.Table.from_batches([batch])
        table = table.filter(wanted)
        if table.num_rows == 0:
            continue
        grouped = table.group_by(list(_KEYS), use_threads=False).aggregate(
            [
                ("cell", "min"),
                ("value", "count"),
                ("value", "mean"),
                ("value", "variance"),
                ("low", "min"),
                ("high", "max"),
                ("level", "min"),
                ("replicates", "sum"),
            ]
        )
        frame = grouped.to_pandas()
        frame["squares"] = frame["value_variance"] * frame["value_count"]
        yield frame.rename(
            columns={
                "cell_min": "first",
                "value_count": "count",
                "value_mean": "mean",
                "low_min": "low",
                "high_max": "high",
                "level_min": "level",
                "replicates_sum": "replicates",
            }
        ).drop(columns="value_variance")


def _merged(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the same of all pieces together (Chan's update, for many at once)."""
    whole = pd.concat(parts, ignore_index=True)
    keys = list(_KEYS)
    whole["weighted"] = whole["mean"] * whole["count"]
    groups = whole.groupby(keys, sort=False, observed=True)
    sums = groups[["count", "weighted"]].transform("sum")
    deviation = whole["mean"] - sums["weighted"] / sums["count"]
    whole["squares"] += whole["count"] * deviation**2
    merged = groups.agg(
        first=("first", "min"),
        count=("count", "sum"),
        weighted=("weighted", "sum"),
        squares=("squares", "sum"),
        low=("low", "min"),
        high=("high", "max"),
        level=("level", "min"),
        replicates=("replicates", "sum"),
    ).reset_index()
    merged["mean"] = merged.pop("weighted") / merged["count"]
    return merged


def _with_intervals(merged: pd.DataFrame) -> pd.DataFrame:
    """Put Student's t interval over seeds in place of their own, where there are several."""
    seeds = merged["count"].to_numpy()
    several = seeds > 1
    freedom = np.maximum(seeds - 1, 1)
    quantile = stats.t.ppf((1 + LEVEL) / 2, freedom)
    half = quantile * np.sqrt(merged["squares"].clip(lower=0) / freedom / seeds)
    return merged.assign(
        low=merged["low"].where(~several, merged["mean"] - half),
        high=merged["high"].where(~several, merged["mean"] + half),
        level=merged["level"].where(~several, LEVEL),
    )


def _means(frame: pd.DataFrame) -> list[SeedMean]:
    """Return the rows as records; those of the same setting share it."""
    settings: dict[tuple[Any, ...], Setting] = {}
    columns = [*_KEYS, "mean", "low", "high", "level", "count", "replicates"]
    found: list[SeedMean] = []
    for row in zip(*(frame[name].tolist() for name in columns), strict=True):
        key, (quantity, oracle, mean, low, high, level, seeds, replicates) = (
            row[: len(SETTING)],
            row[len(SETTING) :],
        )
        setting = settings.setdefault(key, Setting(*key))
        interval = Interval(mean, low, high, level)
        found.append(SeedMean(setting, quantity, oracle, interval, seeds, replicates))
    return found
