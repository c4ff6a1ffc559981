"""The section that sets measured variances beside their closed forms."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.curves import ScalingRow
from gradassay.core.records import Interval
from gradassay.reports.cells import (
    EMPTY,
    Block,
    Cell,
    Section,
    Table,
    folded,
    number_cell,
    point_cell,
)
from gradassay.reports.formats import count, coverages, estimate, number
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct, interval_of
from gradassay.reports.scaling_figures import prediction_figure, ratio_figure
from gradassay.reports.scaling_section import exponent_table

LEAD = (
    "Closed forms hold where outputs are linear and losses quadratic in the noise. A spiking "
    "network meets that above its last hidden layer alone, so these are measured on problems made "
    "for it: one hidden layer, a readout without memory, the mean squared error, and a surrogate "
    "derivative that is constant where membrane potentials get. Exact: the variance as derived. "
    "As printed: Proposition 4.1's formula where it is another number, because it takes M's "
    "errors as independent of each other and one M as drawn for each sample."
)
OPEN_TABLE = 24


@dataclass(frozen=True)
class Pair:
    """A measured variance and its closed forms at one point."""

    measured: ScalingRow
    exact: ScalingRow
    printed: ScalingRow | None

    @property
    def ratio(self) -> Interval:
        """Measured over exact."""
        return self._over(self.exact)

    @property
    def printed_ratio(self) -> Interval | None:
        """Measured over printed."""
        return None if self.printed is None else self._over(self.printed)

    def _over(self, closed_form: ScalingRow) -> Interval:
        row, value = self.measured, closed_form.value
        return Interval(row.value / value, row.low / value, row.high / value, row.level)


def pairs_of(rows: Rows) -> list[Pair]:
    """Return the points that have a closed form."""
    found = {
        (row.subject, row.problem, row.variable, row.at, row.quantity): row for row in rows.scaling
    }
    pairs = []
    for (*place, quantity), row in found.items():
        exact = found.get((*place, "predicted_variance"))  # type: ignore[arg-type]
        if quantity == "variance" and exact is not None and exact.value > 0:
            printed = found.get((*place, "printed_variance"))  # type: ignore[arg-type]
            pairs.append(Pair(row, exact, printed))
    return pairs


def closed_form_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section, None where no point has a closed form."""
    pairs = pairs_of(rows)
    if not pairs:
        return None
    drawn = [(p.measured.subject, p.exact.value, interval_of(p.measured)) for p in pairs]
    table = _table(pairs)
    blocks = [
        Block(
            figures=(
                prediction_figure(drawn, looks, "closed-forms"),
                ratio_figure(drawn, looks, "closed-form-ratios"),
            ),
            note=coverage_sentence(pairs),
            table=table,
            folded=folded(len(table.rows), "points", OPEN_TABLE),
        )
    ]
    exponents = [row for row in rows.exponents if row.quantity == "variance"]
    if exponents:
        caption = (
            "Exponents on these problems; theory: the closed form's slope at the same points, "
            "which need be on no line, for weights are drawn anew at each size."
        )
        blocks.append(Block(table=exponent_table(exponents, caption, [p.measured for p in pairs])))
    title = "Does the variance follow its closed form?"
    return Section("closed-forms", title, LEAD, tuple(blocks))


def coverage_sentence(pairs: list[Pair]) -> str:
    """Say how many intervals hold the closed form, and which ratio is farthest from 1."""
    held = sum(pair.ratio.covers(1.0) for pair in pairs)
    level = min(pair.measured.level for pair in pairs)
    farthest = max(pairs, key=lambda pair: abs(pair.ratio.value - 1))
    row = farthest.measured
    chance = number((1 - level) * len(pairs), 2)
    ratio = " ".join(estimate(farthest.ratio.value, farthest.ratio.low, farthest.ratio.high))
    return (
        f"{count(held)} of {count(len(pairs))} intervals of {100 * level:g} % hold the closed "
        f"form, where {chance} would miss it by chance; farthest from it is {row.subject} at "
        f"{row.variable} = {row.at:.3g}, {ratio} times."
    )


def _table(pairs: list[Pair]) -> Table:
    body = tuple(
        (
            Cell(pair.measured.subject),
            Cell(_problem(pair.measured.problem)),
            Cell(f"{pair.measured.variable} = {pair.measured.at:.3g}"),
            point_cell(pair.measured),
            number_cell(pair.exact),
            _ratio_cell(pair.ratio),
            EMPTY if pair.printed is None else number_cell(pair.printed),
            EMPTY if pair.printed_ratio is None else _ratio_cell(pair.printed_ratio),
        )
        for pair in pairs
    )
    columns = (
        "estimator",
        "problem",
        "at",
        "measured",
        "exact",
        "measured / exact",
        "as printed",
        "measured / printed",
    )
    counts = sorted({pair.measured.replicates for pair in pairs})
    told = " to ".join(count(n) for n in distinct([counts[0], counts[-1]]))
    levels = coverages(pair.measured.level for pair in pairs)
    caption = (
        f"Variances and closed forms; n = {told} draws each, intervals of {levels}. "
        "No formula is printed for "
        "what has an empty column."
    )
    return Table(caption, columns, body, text_columns=3)


def _problem(name: str) -> str:
    return name.removeprefix("law problem: ").removeprefix("law problem, ")


def _ratio_cell(ratio: Interval) -> Cell:
    """Return a ratio, and whether 1 is inside its interval."""
    text, interval = estimate(ratio.value, ratio.low, ratio.high)
    return Cell(text, interval, "good" if ratio.covers(1.0) else "warn", value=ratio.value)
