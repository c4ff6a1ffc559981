"""The table of test accuracies over seeds, and the differences between methods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from pathlib import Path

import pandas as pd

from gradassay.core.atomic import write_whole
from gradassay.core.records import EpochRow
from gradassay.reports.cells import Cell, Table
from gradassay.reports.latex import booktabs
from gradassay.reports.palette import looks
from gradassay.reports.paper import NOTE, paper_accuracy
from gradassay.reports.rows import distinct, load_rows
from gradassay.reports.store import CURVES, Results
from gradassay.reports.svg import standalone
from gradassay.reports.tables import table_markdown
from gradassay.reports.trained import SEEDS_NOTE, mean_fraction, mean_over_seeds, runs_of
from gradassay.reports.training_figure import training_figure

DIFFERENCES_NOTE = (
    "Differences in points of the final test accuracy, each of the same seed, which gives both "
    "the same initial weights and order of the data. 95 % Student t interval of the mean over "
    "seeds, each for itself; seeds whose differences are all the same have none."
)


def accuracy_frame(rows: tuple[EpochRow, ...]) -> pd.DataFrame:
    """Return one row a problem and estimator: per cent after the last epoch, over seeds.

    Parameters
    ----------
    rows : tuple of EpochRow
        Any number of problems, estimators and seeds.

    Returns
    -------
    pandas.DataFrame
        Columns problem, estimator, seeds (the list), epochs, mean, low, high, least, most, paper;
        a seed that diverged makes mean and interval NaN, seeds that all agree the interval.
    """
    found = []
    for problem, subject in distinct((row.problem, row.subject) for row in rows):
        runs = runs_of(rows, subject, problem)
        values = [run.last.test_accuracy for run in runs]
        mean = mean_fraction(values)
        paper = paper_accuracy(problem, subject)
        found.append(
            {
                "problem": problem,
                "estimator": subject,
                "seeds": " ".join(str(run.last.seed) for run in runs),
                "epochs": max(len(run.epochs) for run in runs),
                "mean": 100 * mean.value,
                "low": 100 * mean.low,
                "high": 100 * mean.high,
                "least": 100 * min(values),
                "most": 100 * max(values),
                "paper": math.nan if paper is None else paper,
            }
        )
    return pd.DataFrame(found)


def difference_frame(rows: tuple[EpochRow, ...]) -> pd.DataFrame:
    """Return one row a problem and pair of estimators: differences of the same seeds, in points.

    Parameters
    ----------
    rows : tuple of EpochRow
        As in `accuracy_frame`.

    Returns
    -------
    pandas.DataFrame
        Columns problem, estimator, other, seeds, mean, low, high.
    """
    found = []
    for problem in distinct(row.problem for row in rows):
        subjects = distinct(row.subject for row in rows if row.problem == problem)
        last = {
            subject: {r.last.seed: r.last.test_accuracy for r in runs_of(rows, subject, problem)}
            for subject in subjects
        }
        for one, two in itertools.combinations(subjects, 2):
            shared = [seed for seed in last[one] if seed in last[two]]
            if not shared:
                continue
            mean = mean_over_seeds([last[one][seed] - last[two][seed] for seed in shared])
            found.append(
                {
                    "problem": problem,
                    "estimator": one,
                    "other": two,
                    "seeds": " ".join(map(str, shared)),
                    "mean": 100 * mean.value,
                    "low": 100 * mean.low,
                    "high": 100 * mean.high,
                }
            )
    columns = ["problem", "estimator", "other", "seeds", "mean", "low", "high"]
    return pd.DataFrame(found, columns=columns)


def accuracy_table(rows: tuple[EpochRow, ...], problem: str) -> Table:
    """Return the accuracies of one problem as people read them."""
    frame = accuracy_frame(tuple(row for row in rows if row.problem == problem))
    columns = ["estimator", "test accuracy (%)", "least to most", "seeds", "epochs"]
    with_paper = bool(frame["paper"].notna().any())
    body = []
    for row in frame.to_dict("records"):
        cells = [
            Cell(str(row["estimator"])),
            Cell(f"{row['mean']:.2f}", _bounds(row)),
            Cell(f"{row['least']:.2f} to {row['most']:.2f}"),
            Cell(str(row["seeds"]).replace(" ", ", ")),
            Cell(str(row["epochs"])),
        ]
        if with_paper:
            cells.append(Cell("" if math.isnan(row["paper"]) else f"{row['paper']:.2f}"))
        body.append(tuple(cells))
    names = (*columns, "paper (%)") if with_paper else tuple(columns)
    note = f"{problem}. {SEEDS_NOTE}" + (f" {NOTE}." if with_paper else "")
    return Table(note, names, tuple(body))


def difference_table(rows: tuple[EpochRow, ...], problem: str) -> Table | None:
    """Return the differences of one problem, None where nothing can be compared."""
    frame = difference_frame(tuple(row for row in rows if row.problem == problem))
    if frame.empty:
        return None
    body = tuple(
        (
            Cell(f"{row['estimator']} less {row['other']}"),
            Cell(f"{row['mean']:+.2f}".replace("-", "\u2212"), _bounds(row)),
            Cell(str(row["seeds"]).replace(" ", ", ")),
        )
        for row in frame.to_dict("records")
    )
    return Table(DIFFERENCES_NOTE, ("methods", "difference (points)", "seeds"), body)


def _bounds(row: Mapping[Hashable, object]) -> str:
    """Return the interval of a row, empty where there is none."""
    low, high = float(str(row["low"])), float(str(row["high"]))
    return "" if math.isnan(low) else f"[{low:.2f}, {high:.2f}]".replace("-", "\u2212")


def accuracy_markdown(results: Results) -> str:
    """Return accuracies and differences of all problems as Markdown; ends with a newline."""
    rows = load_rows(results).training
    parts = []
    for problem in distinct(row.problem for row in rows):
        tables = (accuracy_table(rows, problem), difference_table(rows, problem))
        parts += [f"## {problem}", *(table_markdown(table) for table in tables if table)]
    return "\n\n".join(parts) + "\n"


def write_accuracy(folder: Path, results: Results) -> list[Path]:
    """Write tables (CSV, LaTeX, Markdown) and curves (SVG) into a results folder; return the paths.

    Curves are numbered in the order of the tables where there are several problems.
    """
    rows = load_rows(results).training
    frames = {"accuracy": accuracy_frame(rows), "differences": difference_frame(rows)}
    texts = {f"{name}.csv": frame.round(6).to_csv(index=False) for name, frame in frames.items()}
    for name, frame in frames.items():
        texts[f"{name}.tex"] = _frame_latex(frame)
    texts["accuracy.md"] = accuracy_markdown(results)
    problems = distinct(row.problem for row in rows)
    look = looks(distinct(row.subject for row in rows))
    for number, problem in enumerate(problems, start=1):
        own = [row for row in rows if row.problem == problem]
        ending = f"-{number}" if len(problems) > 1 else ""
        texts[CURVES.format(ending)] = standalone(training_figure(own, look, "curves"))
    for name, text in texts.items():
        write_whole(folder / name, text)
    return [folder / name for name in texts]


def _frame_latex(frame: pd.DataFrame) -> str:
    """Return a frame as LaTeX, numbers with two decimals."""
    alignment = "".join("r" if kind.kind in "if" else "l" for kind in frame.dtypes)
    rows = [[_latex_value(value) for value in row] for row in frame.itertuples(index=False)]
    return booktabs(map(str, frame.columns), rows, alignment) + "\n"


def _latex_value(value: object) -> str:
    """Return a value of a frame as text, empty where it is not known."""
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.2f}"
