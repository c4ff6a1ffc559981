"""The parts of a report as plain data: cells, tables, blocks, sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradassay.core.curves import CostPoint, ExponentRow, ScalingRow
from gradassay.core.records import Measurement, MomentRow
from gradassay.reports.formats import count, estimate, number
from gradassay.reports.origins import origin

Tone = Literal["", "good", "bad", "warn", "quiet"]


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : str
        What is read first.
    note : str
        Interval, n or detail, shown smaller below.
    tone : {"", "good", "bad", "warn", "quiet"}
        Colour in HTML, always beside words that say the same.
    value : float or None
        The number behind the text, in the unit of its origin: what sorting goes by.
    origin : str
        Where the number comes from; see `gradassay.reports.origins`.
    anchor : str
        Place in the page that a link can lead to.
    """

    text: str
    note: str = ""
    tone: Tone = ""
    value: float | None = None
    origin: str = ""
    anchor: str = ""

    @property
    def line(self) -> str:
        """Text and note on one line."""
        return " ".join(f"{self.text} {self.note}".split())


EMPTY = Cell("not measured", tone="quiet")


@dataclass(frozen=True)
class Table:
    """A table with headings.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : tuple of str
        Headings, with unit.
    rows : tuple of tuple of Cell
        As many cells as headings in each.
    text_columns : int
        The first so many columns are text, the others numbers.
    stack : bool
        Whether a narrow screen shows each row as a card.
    where : str
        Which rows of the data are shown, where it is not all of a table.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text_columns: int = 1
    stack: bool = False
    where: str = ""


@dataclass(frozen=True)
class Block:
    """Part of a section: figures, then a table with the same numbers.

    Parameters
    ----------
    heading : str
        Empty where the section's title says enough.
    figures : tuple of str
        Inline SVG.
    note : str
        What to know when reading the figures.
    table : Table or None
        The numbers.
    code : str
        Text to copy.
    folded : str
        Where not empty, the table is closed behind these words.
    """

    heading: str = ""
    figures: tuple[str, ...] = ()
    note: str = ""
    table: Table | None = None
    code: str = ""
    folded: str = ""


@dataclass(frozen=True)
class Section:
    """One question of the report.

    Parameters
    ----------
    anchor, title : str
        Place in the page and heading.
    lead : str
        A paragraph below the heading.
    blocks : tuple of Block
        What answers the question.
    """

    anchor: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


def folded(size: int, what: str, most: int) -> str:
    """Return the words behind which a table of more than `most` rows is closed.

    Examples
    --------
    >>> folded(30, "points", 24), folded(3, "points", 24)
    ('Show all 30 points', '')
    """
    return f"Show all {count(size)} {what}" if size > most else ""


def number_cell(row: ExponentRow | ScalingRow | CostPoint | MomentRow) -> Cell:
    """Return the cell of a value without its interval."""
    return Cell(number(row.value), value=row.value, origin=origin([row]))


def point_cell(row: ScalingRow | None) -> Cell:
    """Return the cell of a point: value and interval."""
    if row is None:
        return EMPTY
    return Cell(*estimate(row.value, row.low, row.high), value=row.value, origin=origin([row]))


def measured_cell(row: Measurement | MomentRow | None, *, with_n: bool) -> Cell:
    """Return the cell of a measurement: value, interval, and n where asked for."""
    if row is None:
        return EMPTY
    text, interval = estimate(row.value, row.low, row.high)
    note = f"{interval}\nn = {count(row.replicates)}" if with_n else interval
    return Cell(text, note if interval else "exact", value=row.value, origin=origin([row]))
