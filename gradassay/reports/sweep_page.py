"""The HTML page of a sweep: means over seeds by estimator and options."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradassay.reports.cells import EMPTY, Block, Cell, Section, Table
from gradassay.reports.definitions import heading_of
from gradassay.reports.fact_sections import reproduce_section
from gradassay.reports.formats import count, estimate, span
from gradassay.reports.html import origin_of, render_page, write_page
from gradassay.reports.palette import looks
from gradassay.reports.rows import distinct
from gradassay.reports.sweep_figure import sweep_panel
from gradassay.reports.sweep_summary import SHOWN, SeedMean, Setting, summarise
from gradassay.sweeps.reading import read_manifest
from gradassay.sweeps.store import REPORT, SweepFolder

MOST_ROWS, MOST_POINTS, MOST_PROBLEMS = 60, 24, 4
# quantities with a figure, as far as the sweep has them
DRAWN = (("total_variance", ""), ("cosine", "surrogate_bp"), ("final_test_accuracy", ""))
_LEAD = (
    "Mean over seeds of all layers together, with Student's t interval (95 %) over seeds; of a"
    " single seed its own interval. n: gradient estimates of all seeds. Bias and variance are"
    " relative to the squared norm of the surrogate gradient. Data: column value of"
    " results.parquet, rows with the row's estimator, options and problem, layer total, and the"
    " column's quantity and oracle."
)
Problem = tuple[str, ...]


def write_sweep_report(folder: SweepFolder, out: str | os.PathLike[str] | None = None) -> str:
    """Return the path of the report written from the folder of a finished sweep.

    Parameters
    ----------
    folder : SweepFolder
        Of the sweep.
    out : path, optional
        File to write, ``report.html`` in the folder if not given. An old file is replaced.

    Raises
    ------
    DataError
        The sweep is not finished or cannot be read.
    UsageError
        The report cannot be written.
    """
    page = render_sweep(summarise(folder), read_manifest(folder))
    if out is None:
        folder.write(REPORT, page.encode())
        return folder.path(REPORT) if folder.is_local else f"{folder.url}/{REPORT}"
    write_page(Path(out), page)
    return os.fspath(out)


def render_sweep(means: Sequence[SeedMean], manifest: Mapping[str, Any]) -> str:
    """Return the page; a function of its input alone."""
    return render_page(
        heading="Gradient estimators: a sweep",
        title="Gradient estimators: a sweep of gradassay",
        traced=False,
        findings=_findings(means, manifest),
        summary=_table(means),
        sections=[*_figures(means), reproduce_section(manifest)],
        origin=origin_of(manifest),
    )


def problem_names(means: Sequence[SeedMean]) -> dict[Problem, str]:
    """Return the problems, each named by what sets it apart from the others."""
    problems = distinct(mean.setting.problem for mean in means)
    if len(problems) == 1:
        return {problems[0]: ", ".join(problems[0])}
    shared = set.intersection(*(set(problem) for problem in problems))
    return {problem: ", ".join(p for p in problem if p not in shared) for problem in problems}


def _findings(means: Sequence[SeedMean], manifest: Mapping[str, Any]) -> list[str]:
    """Say what the sweep is, and where bias and variance, cosine and accuracy are best."""
    problems = problem_names(means)
    settings = distinct(mean.setting for mean in means)
    seeds = span([mean.seeds for mean in means]) if means else "0"
    said = [
        f"{count(int(manifest['cells']))} cells: {count(len(settings))} settings, {seeds} seeds"
        f" each, {count(int(manifest['rows']))} numbers in results.parquet."
    ]
    for problem, name in list(problems.items())[:MOST_PROBLEMS]:
        own = [mean for mean in means if mean.setting.problem == problem]
        place = f" on {name}" if len(problems) > 1 else ""
        for quantity, oracle, best, word in (
            ("mean_squared_error", "surrogate_bp", min, "Least mean squared error"),
            ("final_test_accuracy", "", max, "Highest final test accuracy"),
        ):
            found = _of(own, quantity, oracle)
            if len(found) > 1:
                first = best(found, key=lambda mean: mean.interval.value)
                said.append(
                    f"{word}{place}: {first.setting.subject}, {_text(first)}{_near(first, found)}."
                )
    return said


def _of(means: Sequence[SeedMean], quantity: str, oracle: str) -> list[SeedMean]:
    """Return the finite ones of a quantity."""
    return [
        mean
        for mean in means
        if (mean.quantity, mean.oracle) == (quantity, oracle) and math.isfinite(mean.interval.value)
    ]


def _near(first: SeedMean, found: Sequence[SeedMean]) -> str:
    """Say how many others may be as good, by their intervals."""
    best = first.interval
    others = sum(
        one.interval.low <= best.high and best.low <= one.interval.high
        for one in found
        if one is not first
    )
    return f"; the intervals of {count(others)} others overlap with this" if others else ""


def _text(mean: SeedMean) -> str:
    return " ".join(estimate(mean.interval.value, mean.interval.low, mean.interval.high)).strip()


def _table(means: Sequence[SeedMean]) -> Table:
    """Return one row a setting, one column a quantity."""
    problems = problem_names(means)
    pairs = [pair for pair in SHOWN if any((m.quantity, m.oracle) == pair for m in means)]
    found = {(m.setting, m.quantity, m.oracle): m for m in means}
    by_setting: dict[Setting, list[SeedMean]] = {}
    for mean in means:
        by_setting.setdefault(mean.setting, []).append(mean)
    settings = list(by_setting)
    several = len(problems) > 1
    body = tuple(
        (
            Cell(setting.subject),
            *([Cell(problems[setting.problem])] if several else []),
            *(_cell(found.get((setting, *pair))) for pair in pairs),
            _size_cell(by_setting[setting]),
        )
        for setting in settings[:MOST_ROWS]
    )
    more = len(settings) - MOST_ROWS
    left_out = (
        f" The first {MOST_ROWS} of {count(len(settings))} settings;"
        " gradassay.sweeps.read_sweep gives all."
        if more > 0
        else ""
    )
    place = [part for part in next(iter(problems), ()) if all(part in p for p in problems)]
    on = f" On {', '.join(place)}." if place else ""
    names = ("estimator", *(("problem",) if several else ()))
    headings = (*names, *(heading_of(*pair) for pair in pairs), "seeds")
    return Table(f"{_LEAD}{on}{left_out}", headings, body, len(names), stack=True)


def _cell(mean: SeedMean | None) -> Cell:
    if mean is None:
        return EMPTY
    interval = mean.interval
    text, bounds = estimate(interval.value, interval.low, interval.high)
    return Cell(text, bounds, value=interval.value)


def _size_cell(means: Sequence[SeedMean]) -> Cell:
    """Return seeds, and the gradient estimates of all of them, behind the numbers of a setting."""
    seeds, replicates = max((mean.seeds, mean.replicates) for mean in means)
    return Cell(count(seeds), f"n = {count(replicates)}" if replicates > seeds else "")


def _figures(means: Sequence[SeedMean]) -> list[Section]:
    """Return one section with the figures of each problem."""
    problems = problem_names(means)
    look = looks(distinct(mean.setting.estimator for mean in means))
    blocks = []
    for i, (problem, name) in enumerate(list(problems.items())[:MOST_PROBLEMS]):
        own = [mean for mean in means if mean.setting.problem == problem]
        drawn = [_of(own, *pair)[:MOST_POINTS] for pair in DRAWN]
        panels = tuple(
            sweep_panel(found, look, f"sweep-{i}-{j}") for j, found in enumerate(drawn) if found
        )
        if panels:
            blocks.append(Block(name if len(problems) > 1 else "", panels))
    if not blocks:
        return []
    lead = (
        "Points are means over seeds, bars their intervals. On logarithmic axes a grey strip at"
        " the foot holds 0 and what is below the lowest decade."
    )
    left = [f"the first {MOST_POINTS} settings of each problem"] if _crowded(means) else []
    left += [f"the first {MOST_PROBLEMS} problems"] if len(problems) > MOST_PROBLEMS else []
    shown = f" Drawn are {' and '.join(left)}." if left else ""
    title = "How do estimators and their options compare?"
    return [Section("comparison", title, lead + shown, tuple(blocks))]


def _crowded(means: Sequence[SeedMean]) -> bool:
    """Whether a problem has more settings than are drawn."""
    settings = distinct(mean.setting for mean in means)
    numbers = Counter(setting.problem for setting in settings)
    return max(numbers.values(), default=0) > MOST_POINTS
