"""Colours and markers that tell estimators apart, also without colour."""

from __future__ import annotations

from dataclasses import dataclass

INK = "#1a1b1c"
MUTED = "#6a6b6c"
GRID = "#dcdddf"
BAND = "#eff0f1"
# Okabe and Ito's palette without yellow, which vanishes on white; black is the ink
_SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", ":", "-.")

CSS_COLOURS = {
    INK: "currentColor",
    MUTED: f"var(--axis, {MUTED})",
    GRID: f"var(--grid, {GRID})",
    BAND: f"var(--band, {BAND})",
    **{colour: f"var(--s{i}, {colour})" for i, colour in enumerate(_SERIES[:-1])},
}


@dataclass(frozen=True)
class Look:
    """Colour, marker and line of one estimator, the same in every figure."""

    colour: str
    marker: str
    line: str


def looks(subjects: list[str]) -> dict[str, Look]:
    """Return a look for each estimator; no two of the first 56 have colour and marker in common.

    Without colour the markers of the first eight differ, and lines that follow each other.

    Examples
    --------
    >>> looks(["dfa"])["dfa"]
    Look(colour='#0072b2', marker='o', line='-')
    """
    return {
        subject: Look(
            _SERIES[i % len(_SERIES)],
            _MARKERS[i % len(_MARKERS)],
            _LINES[i % len(_LINES)],
        )
        for i, subject in enumerate(subjects)
    }
