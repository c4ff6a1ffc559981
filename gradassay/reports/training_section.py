"""The section on training: curves, and a table of how each ended."""

from __future__ import annotations

import math
from statistics import median

from gradassay.core.records import EpochRow
from gradassay.reports.cells import EMPTY, Block, Cell, Section, Table
from gradassay.reports.formats import estimate, number, quantity, span
from gradassay.reports.origins import origin
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct
from gradassay.reports.trained import (
    SEEDS_NOTE,
    Run,
    accuracy_cell,
    fraction_cell,
    mean_over_seeds,
    runs_of,
    without_interval,
)
from gradassay.reports.training_figure import training_figure


def training_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section with training curves."""
    problems = distinct(row.problem for row in rows.training)
    blocks = []
    for i, problem in enumerate(problems):
        own = [row for row in rows.training if row.problem == problem]
        figure = training_figure(own, looks, f"training-{i}")
        heading = problem if len(problems) > 1 else ""
        table = training_table(rows.training, list(looks), problem)
        blocks.append(Block(heading, (figure,), table=table))
    lead = "Test accuracy after each epoch. Thin lines are seeds, thick lines their mean."
    return Section("training", "Do they train?", lead, tuple(blocks)) if blocks else None


def training_table(rows: tuple[EpochRow, ...], subjects: list[str], problem: str) -> Table:
    """Return one row an estimator: accuracy, loss, time an epoch."""
    columns: tuple[str, ...] = (
        "estimator",
        "seeds",
        "epochs",
        "final test accuracy",
        "final train accuracy",
        "final train loss",
        "time an epoch",
        "learning rate, first",
        "remark",
    )
    named = [(subject, runs_of(rows, subject, problem)) for subject in subjects]
    body: tuple[tuple[Cell, ...], ...] = tuple(
        _training_row(subject, runs) for subject, runs in named if runs
    )
    if not any(row[-1].text for row in body):
        columns, body = columns[:-1], tuple(row[:-1] for row in body)
    where = f"problem is {problem}; accuracies and losses after the last epoch"
    return Table(f"Training on {problem}. {SEEDS_NOTE}", columns, body, where=where)


def _training_row(subject: str, runs: list[Run]) -> tuple[Cell, ...]:
    """Cells of one estimator."""
    rates = distinct(run.epochs[0].learning_rate for run in runs)
    return (
        Cell(subject),
        Cell(str(len(runs))),
        Cell(span([len(run.epochs) for run in runs])),
        accuracy_cell(runs),
        fraction_cell(runs, "train_accuracy"),
        _loss_cell(runs),
        _seconds_cell([row for run in runs for row in run.epochs]),
        Cell(", ".join(f"{rate:g}" for rate in rates)),
        _remark(runs),
    )


def _loss_cell(runs: list[Run]) -> Cell:
    """Mean loss over seeds."""
    values = [run.last.train_loss for run in runs]
    mean = mean_over_seeds(values)
    if not math.isfinite(mean.value):
        return Cell("not a number")
    text, note = number(mean.value, 4), without_interval(values)
    if not math.isnan(mean.low):
        text, bounds = estimate(mean.value, mean.low, mean.high)
        note = f"{bounds}\nn = {len(values)} seeds"
    found = origin([run.last for run in runs], "train_loss", "mean")
    return Cell(text, note, value=mean.value, origin=found)


def _seconds_cell(epochs: list[EpochRow]) -> Cell:
    """Median time of an epoch with its range."""
    rows = [row for row in epochs if math.isfinite(row.seconds)]
    if not rows:
        return EMPTY
    known = [row.seconds for row in rows]
    low, high = quantity(min(known), "s"), quantity(max(known), "s")
    note = f"median of {len(known)}; {low} to {high}"
    middle = median(known)
    found = origin(rows, "seconds", "median")
    return Cell(quantity(middle, "s"), note, value=middle, origin=found)


def _remark(runs: list[Run]) -> Cell:
    """Say which seeds diverged and when."""
    lost = [(run.last.seed, run.diverged_at) for run in runs if run.diverged_at is not None]
    if not lost:
        return Cell("")
    return Cell(
        "; ".join(f"seed {seed} diverged in epoch {epoch}" for seed, epoch in lost), tone="bad"
    )
