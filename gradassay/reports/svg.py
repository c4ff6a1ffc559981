"""From a matplotlib figure to SVG that can stand inside a page, light or dark."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradassay.reports.formats import one_line
from gradassay.reports.palette import CSS_COLOURS, GRID, INK, MUTED

SALT = "gradassay"
_LINK = "{http://www.w3.org/1999/xlink}href"
_VARIABLE = re.compile(r"var\(--\w+, (#\w+)\)")
_LARGEST = re.compile(r' style="max-width: \d+px"')
_FONT = re.compile(r"font(-family)?: *([^;]*?)'DejaVu Sans'[^;]*")
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # embedded TrueType, which journals ask for
    "svg.hashsalt": SALT,
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
}


@dataclass(frozen=True)
class PaperFigure:
    """A figure at the width of a column, as files hold it."""

    name: str
    title: str
    pdf: bytes
    svg: str


_PAPER: ContextVar[tuple[float, list[PaperFigure]] | None] = ContextVar("paper", default=None)


@contextmanager
def at_width(inches: float) -> Generator[list[PaperFigure], None, None]:
    """Draw every figure at this width, and keep it as PDF and as SVG in the list given.

    Parameters
    ----------
    inches : float
        Width of a column; heights stay, and so do the sizes of letters.
    """
    figures: list[PaperFigure] = []
    token = _PAPER.set((inches, figures))
    try:
        yield figures
    finally:
        _PAPER.reset(token)


def drawn_width(width: float) -> float:
    """Return the width in inches that a figure gets: its own, or that of `at_width`."""
    paper = _PAPER.get()
    return width if paper is None else paper[0]


@contextmanager
def chart_style(name: str) -> Generator[None, None, None]:
    """Draw with our settings whatever the user's matplotlibrc says.

    Parameters
    ----------
    name : str
        Becomes the id of the figure.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update({**_SETTINGS, "svg.id": name})
        yield


def new_axes(
    width: float, height: float, margins: tuple[float, float, float, float]
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes; size and margins (left, right, bottom, top) in inches.

    Notes
    -----
    Fixed margins keep the panels of a row equal, and leave room for direct labels.
    """
    width = drawn_width(width)
    left, right, bottom, top = margins
    figure = Figure(figsize=(width, height))
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    return figure, figure.add_axes(box)


def inline_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Return the figure as SVG for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside `chart_style`.
    name : str
        Unique in the page; every id begins with it.
    title, description : str
        Text alternatives.

    Returns
    -------
    str
        ``<svg role="img">`` with title and desc, without metadata, namespaces and fixed size.
        Colours are CSS variables with the light colour as fallback; text is text.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())
    _drop(root, {"metadata", "style"})
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
        _rewrite(element, name)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    width = float(root.attrib["viewBox"].split()[2])
    root.attrib |= {
        "id": name,
        "class": "chart",
        "role": "img",
        "aria-label": title,
        "aria-describedby": f"{name}-desc",
        "style": f"max-width: {width * 1.6:.0f}px",
    }
    root.insert(0, _text_element("title", f"{name}-title", title))
    root.insert(1, _text_element("desc", f"{name}-desc", description))
    svg = ET.tostring(root, encoding="unicode")
    paper = _PAPER.get()
    if paper is not None:
        paper[1].append(PaperFigure(name, title, _pdf(figure, title), _sized(svg, figure)))
    return svg


def _pdf(figure: Figure, title: str) -> bytes:
    """Return the figure as PDF, the same bytes at any time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Title": title})
    return buffer.getvalue()


def _sized(svg: str, figure: Figure) -> str:
    """Return a figure as a file of its own with its size on paper."""
    width, height = figure.get_size_inches()
    size = f'<svg width="{width:g}in" height="{height:g}in" '
    return _LARGEST.sub("", standalone(svg).replace("<svg ", size, 1))


def standalone(svg: str) -> str:
    """Return a figure of `inline_svg` as a file of its own, in the light colours.

    Examples
    --------
    >>> standalone('<svg role="img"><path style="stroke: var(--s0, #0072b2)"/></svg>')
    '<svg xmlns="http://www.w3.org/2000/svg" role="img"><path style="stroke: #0072b2"/></svg>'
    """
    plain = _VARIABLE.sub(r"\1", svg).replace("currentColor", INK).replace("inherit", "sans-serif")
    return plain.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _drop(root: ET.Element, names: set[str]) -> None:
    """Remove the elements of these names."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.split("}")[-1] in names:
                parent.remove(child)


def _rewrite(element: ET.Element, name: str) -> None:
    """Prefix ids and references, and put colours and fonts in the hands of the page."""
    attributes = element.attrib
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if _LINK in attributes:
        attributes["href"] = f"#{name}-{attributes.pop(_LINK).lstrip('#')}"
    for key, value in list(attributes.items()):
        if key == "style":
            attributes[key] = _restyle(value)
        elif value.startswith("url(#"):
            attributes[key] = value.replace("url(#", f"url(#{name}-")


def _restyle(style: str) -> str:
    """Replace colours by CSS variables and the font by the page's."""
    for colour, variable in CSS_COLOURS.items():
        style = style.replace(colour, variable)
    return _FONT.sub(lambda match: f"font{match[1] or ''}: {match[2]}inherit", style)


def _text_element(tag: str, identifier: str, text: str) -> ET.Element:
    """Make an element with an id and text."""
    element = ET.Element(tag, {"id": identifier})
    element.text = text
    return element


def clean(text: str, limit: int = 26) -> str:
    r"""Return a name fit for a figure: printable, on one line, not too long.

    Examples
    --------
    >>> clean("two\nlines"), clean("a" * 40, 8)
    ('two lines', 'aaaaaaa…')
    """
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"
