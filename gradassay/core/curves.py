"""Rows of curves: points at which one number is varied, and exponents fitted to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CostPoint:
    """One cost of one estimator at one size of a family of networks.

    Parameters
    ----------
    subject : str
        The estimator.
    family : str
        What all networks of the curve have in common, for people to read.
    variable : {"n", "m", "N", "T"}
        What changes: units of a hidden layer, outputs, hidden layers, steps.
    at : int
        Its value.
    quantity : str
        ``feedback_operations``, ``feedback_weight_bytes``, ``memory_bytes``, ``time_ratio``; with
        ``_exponent``, the exponent of growth of a whole curve.
    source : {"counted", "closed form", "fitted", "measured", "measured step by step"}
        How the value was found.
    value, low, high : float
        As in `gradassay.core.records.Interval`; all the same where nothing was sampled.
    unit : str
        Unit, ``1`` for a ratio.
    """

    subject: str
    family: str
    variable: str
    at: int
    quantity: str
    source: str
    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class ScalingRow:
    """One quantity at one point of a study that varies one number at a time.

    Parameters
    ----------
    subject : str
        The estimator.
    problem : str
        Network and data at the base point, for people to read.
    layer : str
        Name of the layer, or ``total``.
    variable : str
        What is varied: ``d`` units, ``m`` outputs, ``B`` batch, ``T`` steps, ``alpha``,
        ``1-lambda``; ``updates`` of a feedback state at fixed weights.
    at : float
        Its value here.
    quantity : str
        As in `gradassay.core.records.Measurement`; ``predicted_...`` from a closed form,
        ``printed_...`` from a formula as its source prints it.
    value, low, high, level : float
        As in `gradassay.core.records.Interval`.
    replicates : int
        Number of gradient estimates, or of independent states, behind it; 0 of a closed form.
    seed : int
        Seed of the run.
    """

    subject: str
    problem: str
    layer: str
    variable: str
    at: float
    quantity: str
    value: float
    low: float
    high: float
    level: float
    replicates: int
    seed: int


@dataclass(frozen=True)
class ExponentRow:
    """The exponent p of ``quantity ~ variable^p``, fitted to the points of a study.

    Parameters
    ----------
    subject, problem, layer, variable, quantity : str
        As in `ScalingRow`.
    value, low, high, level : float
        The exponent, as in `gradassay.core.records.Interval`.
    points : int
        Points that were fitted; those whose interval reaches 0 have no logarithm.
    chi_square : float
        Weighted sum of squared deviations of the points from the line.
    p_value : float
        Probability of a larger one where the points lie on a line.
    predicted : float
        The exponent that theory has; NaN where it has none.
    source : str
        Where that is from, for people to read.
    seed : int
        Seed of the run.
    """

    subject: str
    problem: str
    layer: str
    variable: str
    quantity: str
    value: float
    low: float
    high: float
    level: float
    points: int
    chi_square: float
    p_value: float
    predicted: float
    source: str
    seed: int
