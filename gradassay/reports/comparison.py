"""Two results folders side by side: what changed, and what changed beyond noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradassay.core.errors import DataError, UsageError
from gradassay.core.records import CheckResult, CostRow, EpochRow, Interval, Measurement
from gradassay.reports.compared import CheckPair, Compared, Comparison, Outcome, Side
from gradassay.reports.differences import (
    Difference,
    exact_difference,
    holm,
    interval_difference,
    paired_difference,
    sample_difference,
)
from gradassay.reports.matching import (
    Found,
    Key,
    indexed,
    label,
    matched,
    require_shared_oracles,
    setting_changes,
)
from gradassay.reports.origins import origin
from gradassay.reports.rows import Rows, distinct, load_rows
from gradassay.reports.store import Results
from gradassay.reports.trained import mean_over_seeds, runs_of

LEVEL = 0.95
FALSE_ALARM_RATE = 0.05
TIME_UNITS = ("s", "second", "seconds")
TIME_NOTE = "a machine is faster or slower from run to run, which no interval of one run holds"
ACCURACIES = ("test_accuracy", "train_accuracy")


def compare_results(
    first: Results, second: Results, *, false_alarm_rate: float = FALSE_ALARM_RATE
) -> Comparison:
    """Compare two results folders.

    Parameters
    ----------
    first, second : Results
        As read by `read_results`.
    false_alarm_rate : float
        Family-wise false-alarm rate, in (0, 1): of finding any change where nothing changed.

    Raises
    ------
    UsageError
        The rate is no rate.
    DataError
        The two do not measure the same: other units, oracles or levels under the same names.
    """
    if not 0 < false_alarm_rate < 1:
        raise UsageError(
            f"false alarm rate: got {false_alarm_rate!r}; expected a number in (0, 1), for example"
            " 0.05."
        )
    one, two = load_rows(first), load_rows(second)
    require_shared_oracles(one.measurements, two.measurements)
    pairs = [
        _measurements(one.measurements, two.measurements),
        _costs(one.cost, two.cost),
        _trainings(one, two),
        _checks(one.checks, two.checks),
    ]
    compared = [row for found, _, _ in pairs[:3] for row in found]
    rows = _judged(compared, false_alarm_rate)
    return Comparison(
        rows=tuple(rows),
        checks=tuple(pairs[3][0]),
        only_first=tuple(name for _, names, _ in pairs for name in names),
        only_second=tuple(name for _, _, names in pairs for name in names),
        settings=tuple(setting_changes(first.manifest, second.manifest)),
        false_alarm_rate=false_alarm_rate,
        family=sum(math.isfinite(row.adjusted) for row in rows),
    )


def _measurements(first: Sequence[Measurement], second: Sequence[Measurement]) -> Found:
    """Compare measured quantities; by seed where a folder has several."""

    def key(row: Measurement, *, seed: bool) -> Key:
        name = Key("measurement", row.subject, row.problem, row.layer, row.quantity, row.oracle)
        return replace(name, seed=str(row.seed)) if seed else name

    several = any(len({row.seed for row in rows}) > 1 for rows in (first, second))
    one, two = (indexed(rows, lambda row: key(row, seed=several)) for rows in (first, second))
    return matched(one, two, _compare_rows)


def _costs(first: Sequence[CostRow], second: Sequence[CostRow]) -> Found:
    """Compare costs."""

    def key(row: CostRow) -> Key:
        return Key("cost", row.subject, row.problem, "", row.quantity, "")

    return matched(indexed(first, key), indexed(second, key), _compare_rows)


def _trainings(first: Rows, second: Rows) -> Found:
    """Compare accuracies after the last epoch."""
    one, two = _last_epochs(first.training), _last_epochs(second.training)
    return matched(one, two, _compare_trainings)


def _last_epochs(rows: tuple[EpochRow, ...]) -> dict[Any, Any]:
    """Return the last epoch of each training by what is compared."""
    return {
        Key("training", subject, problem, "", quantity, ""): tuple(
            run.last for run in runs_of(rows, subject, problem)
        )
        for subject, problem in distinct((row.subject, row.problem) for row in rows)
        for quantity in ACCURACIES
    }


def _checks(first: Sequence[CheckResult], second: Sequence[CheckResult]) -> Found:
    """Pair checks; several of the same name and claim go in order."""

    def numbered(rows: Sequence[CheckResult]) -> dict[Any, CheckResult]:
        found: dict[Any, CheckResult] = {}
        for row in rows:
            name = (row.subject, row.problem, row.check, row.claim, row.quantity)
            number = 0
            while (*name, number) in found:
                number += 1
            found[(*name, number)] = row
        return found

    return matched(numbered(first), numbered(second), lambda _, a, b: CheckPair(a, b))


def _compare_rows(key: Key, first: Any, second: Any) -> Compared:
    """Compare two rows with a value and its interval."""
    if first.unit != second.unit:
        raise DataError(
            f"compare: {label(key)} has unit {first.unit!r} and {second.unit!r}; expected the "
            "same. Make both results with the same version."
        )
    one, two = _side(first), _side(second)
    compared = Compared(key, first.unit, one, two, _difference(key, one, two))
    if first.unit in TIME_UNITS and compared.difference.method != "exact":
        return replace(compared, note=TIME_NOTE)
    return compared


def _side(row: Any) -> Side:
    """Return the number of a row."""
    exact = row.low == row.high == row.value
    level = 1.0 if exact else getattr(row, "level", LEVEL)
    seeds = (row.seed,) if hasattr(row, "seed") else ()
    interval = Interval(row.value, row.low, row.high, level)
    return Side(interval, origin([row]), seeds, getattr(row, "replicates", 0))


def _difference(key: Key, first: Side, second: Side) -> Difference:
    """Return the difference, exact where both are."""
    one, two = first.interval, second.interval
    if one == two or one.level == two.level == 1:
        return exact_difference(one.value, two.value)
    levels = {interval.level for interval in (one, two)} - {1.0}
    if len(levels) > 1:
        raise DataError(
            f"compare: {label(key)} has intervals of level {one.level} and {two.level}; expected "
            "the same. Make both results with the same version."
        )
    return interval_difference(one, two)


def _compare_trainings(
    key: Key, first: tuple[EpochRow, ...], second: tuple[EpochRow, ...]
) -> Compared:
    """Compare an accuracy: the same seeds in pairs, other seeds as two samples."""
    one, two = ({row.seed: getattr(row, key.quantity) for row in rows} for rows in (first, second))
    shared = [seed for seed in one if seed in two]
    if len(shared) > 1 or (shared and len(one) == len(two) == 1):
        before, after = ([side[seed] for seed in shared] for side in (one, two))
        difference = paired_difference(before, after, LEVEL)
    else:
        difference = sample_difference(list(one.values()), list(two.values()), LEVEL)
    before_side, after_side = (
        _seeds_side(side, origin(rows, key.quantity, "mean"))
        for side, rows in ((one, first), (two, second))
    )
    note = ""
    if math.isnan(difference.p_value):
        note = "one seed, or differences that are all alike, tell nothing of noise"
    return Compared(key, "1", before_side, after_side, difference, note=note)


def _seeds_side(values: dict[int, float], found: str) -> Side:
    """Return a mean over seeds."""
    return Side(mean_over_seeds(list(values.values())), found, tuple(values), len(values))


def _judged(rows: list[Compared], rate: float) -> list[Compared]:
    """Return the comparisons with their outcomes at a family-wise rate."""
    tested = [
        index
        for index, row in enumerate(rows)
        if row.difference.method != "exact"
        and not row.note
        and math.isfinite(row.difference.p_value)
    ]
    adjusted = dict(
        zip(tested, holm([rows[index].difference.p_value for index in tested]), strict=True)
    )
    return [_outcome(row, adjusted.get(index), rate) for index, row in enumerate(rows)]


def _outcome(row: Compared, adjusted: float | None, rate: float) -> Compared:
    """Return one comparison with its outcome."""
    if adjusted is not None:
        outcome: Outcome = "changed" if adjusted <= rate else "within noise"
        return replace(row, adjusted=adjusted, outcome=outcome)
    if row.note or row.difference.method != "exact":
        return replace(row, note=row.note or "no finite interval")
    return replace(row, outcome="changed" if row.difference.p_value == 0 else "identical")
