"""The zoo as a table: what each estimator estimates, claims, draws and keeps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gradassay.core.builders import fully_connected
from gradassay.core.claims import BiasOrder, Claim, Online, Passes, UnbiasedFor, VarianceLaw
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.layers import Linear, Spiking
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend

SUMS = ("opzo+0.01*local_learning", "spatial_bp+0.01*local_learning")
BACKENDS = "numpy, torch"  # every method computes with the contract's verbs alone
HEADINGS = (
    "name",
    "estimand",
    "bias",
    "variance",
    "passes",
    "online",
    "noise",
    "state",
    "backends",
)
WIDTHS = (16, 17, 9, 12, 10, 6, 11, 9)  # of the columns in a terminal; the last one is left out
NONE = "-"

C = TypeVar("C")


@dataclass(frozen=True)
class Row:
    """One estimator; the fields are `HEADINGS`."""

    name: str
    estimand: str
    bias: str
    variance: str
    passes: str
    online: str
    noise: str
    state: str
    backends: str = BACKENDS


def zoo_rows() -> list[Row]:
    """Return a row for every estimator of the zoo, with its default options, and for two sums."""
    return [row_of(make_estimator(name)) for name in (*zoo_names(), *SUMS)]


def row_of(estimator: Estimator) -> Row:
    """Return the row of an estimator; what it does not claim is ``-``."""
    claims = estimator.claims
    return Row(
        estimator.name,
        next((claim.estimand.name for claim in _of(claims, UnbiasedFor)), NONE),
        next((f"alpha^{c.order} for {c.estimand.name}" for c in _of(claims, BiasOrder)), NONE),
        next((claim.formula for claim in _of(claims, VarianceLaw)), NONE),
        next((str(claim) for claim in _of(claims, Passes)), NONE),
        "yes" if Online() in claims else "no",
        noise_words(estimator.noise),
        state_words(estimator),
    )


def _of(claims: Sequence[Claim], kind: type[C]) -> Iterator[C]:
    """Yield the claims of one kind."""
    return (claim for claim in claims if isinstance(claim, kind))


def noise_words(model: NoiseModel | None) -> str:
    """Return law, scale, place and pairing of the noise.

    Examples
    --------
    >>> noise_words(NoiseModel(0.2, "gaussian", "time"))
    'gaussian, alpha 0.2, on spikes, time pairs'
    """
    if model is None:
        return "none"
    places = {"spike": "on spikes", "membrane": "on membranes", "weights": "on weights"}
    words = [model.law, f"alpha {model.scale:g}", places.get(model.position, "not injected")]
    return ", ".join(words if model.pairing == "none" else [*words, f"{model.pairing} pairs"])


def state_words(estimator: Estimator) -> str:
    """Return the shapes of what the estimator keeps, n the units of a layer and m the outputs.

    Examples
    --------
    >>> state_words(make_estimator("opzo"))
    '(n, m) each layer, 1 number'
    """
    network = fully_connected(9, (8, 7, 6, 5), 3)
    state = estimator.init(ReferenceBackend(), network, Key(0))
    kinds = Counter(_kind(network, name, tuple(array.shape)) for name, array in state.items())
    layers = len(network.spiking)
    return ", ".join(_counted(kind, count, layers) for kind, count in kinds.items()) or "none"


def _kind(network: Network, name: str, shape: tuple[int, ...]) -> str:
    """Return the shape of an array in words; the name may have a part's before it."""
    if not shape:
        return "number"
    layer = {layer.name: layer for layer in network.layers}.get(name.rpartition("/")[2])
    if isinstance(layer, Spiking) and shape == (layer.units, network.classes):
        return "(n, m)"
    if isinstance(layer, Linear) and shape == layer.weight_shape:
        return "like W"
    return str(shape)


def _counted(kind: str, count: int, layers: int) -> str:
    """Return how many arrays of a kind there are, in words."""
    if kind == "number":
        return f"{count} number{'s' if count > 1 else ''}"
    if kind == "like W":
        return "like W, each layer but the first"
    times, rest = divmod(count, layers)
    if rest:
        return f"{kind} some layers"
    return f"{kind} each layer" if times == 1 else f"{times} {kind} each layer"


def zoo_markdown() -> str:
    """Return the table as Markdown, as it stands in the README."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(_markdown_cells, zoo_rows())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _markdown_cells(row: Row) -> tuple[str, ...]:
    """Return the cells, names and formulas as code."""
    name, estimand, bias, variance, *others = astuple(row)
    code = [_code(text) for text in (name, estimand, bias, variance)]
    return (*code, *others)


def _code(text: str) -> str:
    """Return text as code in a Markdown table, its bars escaped."""
    return text if text == NONE else f"`{text.replace('|', chr(92) + '|')}`"


def zoo_table() -> Table:
    """Return the table for a terminal of 100 columns; what all rows share stands in the title."""
    table = Table(title=f"The zoo: all of it on {BACKENDS}", title_justify="left")
    table.box, table.padding = SIMPLE_HEAD, 0
    for heading, width in zip(HEADINGS, WIDTHS, strict=False):
        table.add_column(heading, overflow="fold", max_width=width)
    for row in zoo_rows():
        cells = zip(astuple(row), WIDTHS, strict=False)
        table.add_row(*(_broken(text, width) for text, width in cells), end_section=True)
    return table


def _broken(text: str, width: int) -> str:
    """Return text in lines, broken at blanks and after the marks inside names."""
    lines = [""]
    for piece in re.findall(r"[^ _+*]+[ _+*]?|[ _+*]", text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
