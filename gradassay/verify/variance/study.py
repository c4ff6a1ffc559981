"""Variance and bias of estimators against one number at a time, on networks drawn anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from gradassay.core.claims import Deterministic
from gradassay.core.curves import ScalingRow
from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.verify.checks.case import claims_of_kind
from gradassay.verify.checks.options import noise_or_none, varied
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.measurement import measure
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.oracles.declared import claimed_momentum
from gradassay.verify.statistics.intervals import geometric_mean, mean_ratio
from gradassay.verify.variance.rows import scaling_row

INTERVAL_METHOD = (
    "of a study over d, m, B, T, alpha, lambda: Student's t over independent networks, on the"
    " logarithm for noise and total variance; of exponents: least squares of logarithms weighted by"
    " the points' intervals; of closed forms and the age of feedback: blocks of draws, independent"
    " states"
)
# what is varied, and the option of the command line
VARIABLES = MappingProxyType(
    {"d": "d", "m": "m", "B": "B", "T": "T", "alpha": "alpha", "lambda": "1-lambda"}
)
WIDTHS, CLASSES, SAMPLES, STEPS = (16, 32, 64, 128), (2, 4, 7, 10), (4, 8, 16, 32), (2, 4, 8, 16)
ALPHA_FACTORS, MOMENTA = (0.5, 1.0, 2.0, 4.0), (0.5, 0.75, 0.875, 0.9375)
QUANTITIES = (
    "noise_variance",
    "batch_variance",
    "state_variance",
    "total_variance",
    "squared_bias",
)
POSITIVE = ("noise_variance", "total_variance")
SCALE = "gradient_norm"
BLOCKS, BATCHES = 4, 4
# updates before the first draw: so many that the start counts by this share, at most, or as a rule
START_LEFT, MOST_WARMUP, USUAL_WARMUP = 0.005, 200, 100


@dataclass(frozen=True)
class Sizes:
    """Sizes of a problem: units of each hidden layer, outputs, samples of a batch, steps."""

    units: int
    classes: int
    samples: int
    steps: int


@dataclass(frozen=True)
class Point:
    """One value of what is varied.

    Parameters
    ----------
    variable : str
        As in `ScalingRow`.
    at : float
        Its value.
    sizes : Sizes
    estimator : Estimator
        With the value, where it is an option of the estimator.
    """

    variable: str
    at: float
    sizes: Sizes
    estimator: Estimator


@dataclass(frozen=True)
class Study:
    """What a study holds fixed, and how much it draws.

    Parameters
    ----------
    problem : str
        Network and data at the base point, for people.
    build : callable
        ``build(sizes, network)`` gives the problem of these sizes, weights of that number.
    base : Sizes
        The base point.
    over : tuple of str
        Names of `VARIABLES`.
    networks : int
        K, networks drawn anew for each point; at least 4.
    draws : int
        Noise draws on each mini-batch of an estimator that draws noise.
    seed : int
        Of everything.
    level : float
        Nominal coverage.
    """

    problem: str
    build: Callable[[Sizes, int], Problem]
    base: Sizes
    over: tuple[str, ...]
    networks: int = 16
    draws: int = 2
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        for name in self.over:
            if name not in VARIABLES:
                raise unknown_name("over", name, VARIABLES)
        if self.networks < 4 or self.draws < 2:
            raise ConfigurationError(
                f"study: got {self.networks} networks and {self.draws} draws; expected at least 4"
                " and 2."
            )

    def points(self, estimator: Estimator) -> list[Point]:
        """Return the points of an estimator; numbers that it does not have are left out."""
        found: list[Point] = []
        for name in self.over:
            found += self._over(name, estimator)
        return found

    def _over(self, name: str, estimator: Estimator) -> list[Point]:
        base, symbol = self.base, VARIABLES[name]
        if name == "alpha":
            scale = getattr(estimator, "alpha", None)
            values = [] if scale is None else [scale * factor for factor in ALPHA_FACTORS]
            subjects = [(value, varied(estimator, alpha=value)) for value in values]
        elif name == "lambda":
            values = list(MOMENTA) if claimed_momentum(estimator) is not None else []
            subjects = [(1 - value, varied(estimator, momentum=value)) for value in values]
        else:
            sizes = {
                "d": [(n, replace(base, units=n)) for n in WIDTHS],
                "m": [(n, replace(base, classes=n)) for n in CLASSES if n <= base.classes],
                "B": [(n, replace(base, samples=n)) for n in SAMPLES],
                "T": [(n, replace(base, steps=n)) for n in STEPS],
            }[name]
            return [Point(symbol, n, size, estimator) for n, size in sizes]
        return [Point(symbol, at, base, one) for at, one in subjects if one is not None]

    def measured(self, name: str, point: Point) -> list[ScalingRow]:
        """Return the rows of a point, in total over layers.

        Each network is measured by itself in a nested design of 4 blocks, so that intervals hold
        the spread over weights as well. Of variances that are positive in every network: the
        geometric mean of the variance over |g|^2, Student's t on logarithms. Of components of
        variance under noise, and of squared bias, which may come out negative: the mean over
        networks over that of |g|^2, with a jackknife.
        """
        design = design_of(point.estimator, point.sizes.samples, self.draws)
        key = Key(self.seed) / "study" / point.variable / f"{point.at:g}"
        values: dict[str, list[float]] = {quantity: [] for quantity in (*QUANTITIES, SCALE)}
        for number, seed in enumerate(_seeds(key / name, self.networks)):
            problem = self.build(point.sizes, _seeds(key / "network", self.networks)[number])
            rows = measure(
                {name: point.estimator}, problem, {name: design}, seed=seed, further=False
            )
            for row in rows:
                if row.layer == "total" and row.quantity in values:
                    values[row.quantity].append(row.value)
        return list(self._rows(name, point, values, design.replicates * self.networks))

    def _rows(
        self, name: str, point: Point, values: dict[str, list[float]], replicates: int
    ) -> Iterator[ScalingRow]:
        squares = np.array(values[SCALE]) ** 2
        noiseless = noise_or_none(point.estimator) is None
        for quantity in QUANTITIES:
            own = np.array(values[quantity])
            positive = quantity in POSITIVE or (noiseless and quantity == "batch_variance")
            found = (
                geometric_mean(own, self.level)
                if positive
                else mean_ratio(own * squares, squares, self.level)
            )
            yield scaling_row(
                name,
                self.problem,
                point.variable,
                point.at,
                quantity,
                found,
                replicates=replicates,
                seed=self.seed,
            )


def design_of(estimator: Estimator, samples: int, draws: int) -> Design:
    """Return the design for one network; feedback that is learnt is old enough at its start.

    As many updates as make ``lambda^k`` 0.005, at most 200; 100 where a state is learnt in another
    way.
    """
    deterministic = bool(claims_of_kind(estimator, Deterministic))
    momentum = claimed_momentum(estimator)
    warmup = USUAL_WARMUP
    if momentum is not None:
        kept = max(momentum.momentum, 1e-3)
        warmup = min(MOST_WARMUP, math.ceil(math.log(START_LEFT) / math.log(kept)))
    count = 1 if deterministic and noise_or_none(estimator) is None else draws
    return Design(BLOCKS, BATCHES, count, samples, warmup)


def _seeds(key: Key, count: int) -> Sequence[int]:
    """Return seeds of streams of their own."""
    return [int(seed) for seed in key.generator().integers(0, 2**62, count)]
