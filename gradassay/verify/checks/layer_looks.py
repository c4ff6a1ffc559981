"""What one look at an estimator's draws says about one layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.records import Interval, Verdict
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.results import SEVERITY
from gradassay.verify.statistics.intervals import mean_interval, squared_norm_interval
from gradassay.verify.statistics.looks import max_t, superblocks
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.norm_law import traces_of_powers
from gradassay.verify.statistics.planning import replicates_for_squared_norm

SUPERBLOCKS = 32
# a layer whose estimand is smaller than this share of all layers' counts as that large
SMALLEST_LAYER = 0.1
# shares of a layer's rate: norm of the bias, along the estimand, largest entry, along without
# control variates
NORM, ALONG, ENTRY, PLAIN = 0.4, 0.2, 0.2, 0.2
# a bias of one entry counts by itself from this share of the margin on: entries that are rarely
# different from 0 have no t distribution
SMALLEST_ENTRY = 0.2


@dataclass(frozen=True)
class LayerLook:
    """What one look says about one layer.

    Parameters
    ----------
    norm : Interval
        Norm of the bias over that of the estimand.
    along, plain : Interval
        Bias along the estimand, relative to it, with and without control variates.
    entry : str
        The entry with a proven bias; empty if none.
    planned : callable
        Replicates that a test of fixed size needs for a margin.
    """

    norm: Interval
    along: Interval
    plain: Interval
    entry: str
    planned: Callable[[float], int]

    def verdict(self, margin: float) -> Verdict:
        """Return the verdict on this layer; `sampled_checks` says what each means."""
        if self.plain.low > margin or self.plain.high < -margin:
            return "FAIL"
        if self.norm.high <= margin:
            return "PASS"
        proven = self.norm.low > 0 or not self.along.covers(0.0) or bool(self.entry)
        return "FAIL" if proven or not self.plain.covers(0.0) else "INCONCLUSIVE"

    def told(self) -> str:
        """Return what is wrong, for people."""
        interval = f"[{1 + self.plain.low:.3g}, {1 + self.plain.high:.3g}]"
        entry = f", largest at {self.entry}" if self.entry else ""
        return f"{1 + self.plain.value:.4g} times the estimand {interval}{entry}"


def worst_layer(found: Mapping[str, LayerLook], margin: float) -> LayerLook:
    """Return the layer with the worst verdict; of several, the one whose bias may be largest."""
    return max(found.values(), key=lambda one: (SEVERITY[one.verdict(margin)], one.norm.high))


def layer_look(
    blocks: Blocks,
    target: Vectors,
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    rate: float,
    margin: float,
) -> LayerLook:
    """Return the statistics of one layer at one look.

    Parameters
    ----------
    blocks : Blocks
        Differences from the estimand, under the layer's name, and without control variates under
        ``<name> plain``.
    target : mapping from layer's name to array, shape (p,)
        The estimand.
    name : str
        The layer.
    shapes : mapping
        Shapes of the arrays in the layer's vector, by name, in order.
    rate : float
        The layer's false-alarm rate at this look.
    margin : float
        Of the relative bias.
    """
    means = superblocks(blocks.mean(name), SUPERBLOCKS)
    plain = superblocks(blocks.mean(f"{name} plain"), SUPERBLOCKS)
    everything = math.sqrt(sum(float(g @ g) for g in target.values()))
    direction, norm = target[name], float(np.linalg.norm(target[name]))
    scale = max(norm, SMALLEST_LAYER * everything) or 1.0
    unit = direction / norm if norm else 0 * direction
    gram = means @ means.T / scale**2
    square = squared_norm_interval(gram, 1 - NORM * rate)
    value, low, high = (math.sqrt(max(x, 0.0)) for x in (square.value, square.low, square.high))
    entry = max_t(means, rate=ENTRY * rate, rounding=SMALLEST_ENTRY * margin * scale)
    return LayerLook(
        norm=Interval(value, low, high, square.level),
        along=mean_interval(means @ unit / scale, 1 - ALONG * rate),
        plain=mean_interval(plain @ unit / scale, 1 - PLAIN * rate),
        entry=_entry(shapes, entry.index) if entry.rejected else "",
        planned=_planned(gram, blocks.count, rate),
    )


def _planned(gram: Float, count: int, rate: float) -> Callable[[float], int]:
    """Return what gives the replicates of a test of fixed size for a margin."""
    # S of one replicate is that of a super-block times the replicates in it
    trace = traces_of_powers(gram)[0] * (count / SUPERBLOCKS) ** 2
    return lambda margin: replicates_for_squared_norm(
        trace, margin**2, false_alarm_rate=rate, miss_rate=rate
    )


def _entry(shapes: Mapping[str, tuple[int, ...]], index: int) -> str:
    """Return the name of an entry of a layer's vector."""
    for name, shape in shapes.items():
        size = math.prod(shape)
        if index < size:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, shape))
            return f"{name}[{place}]"
        index -= size
    raise IndexError(index)
