"""Rows of results: what verification, measurement, cost and training write and reports read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "XFAIL"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Parameters
    ----------
    value, low, high : float
        Point estimate and ends of the interval.
    level : float
        Nominal coverage, for example 0.95. An exact value has low = high = value and level 1.
    """

    value: float
    low: float
    high: float
    level: float

    @classmethod
    def exact(cls, value: float) -> Interval:
        """Return the interval of a value that has no sampling error."""
        return cls(value, value, value, 1.0)

    def covers(self, truth: float) -> bool:
        """Whether the interval holds a value."""
        return self.low <= truth <= self.high


@dataclass(frozen=True)
class Measurement:
    """One measured quantity.

    Parameters
    ----------
    subject : str
        The estimator.
    problem : str
        Network and data, for people to read.
    layer : str
        Name of the weighted layer, or ``total``.
    quantity : str
        What was measured (``squared_bias``, ``noise_variance``, ...).
    oracle : str
        The gradient compared with, empty where there is none.
    value, low, high, level : float
        As in `Interval`.
    replicates : int
        Number of gradient estimates behind it.
    seed : int
        Seed of the run.
    unit : str
        Unit, ``1`` for a ratio.
    """

    subject: str
    problem: str
    layer: str
    quantity: str
    oracle: str
    value: float
    low: float
    high: float
    level: float
    replicates: int
    seed: int
    unit: str


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one verification check.

    Parameters
    ----------
    subject, problem : str
        The estimator (or backend) and the small problem.
    check : str
        Name of the check.
    level : int
        0: exact identity on the same randomness. 1: exact enumeration of all noise. 2: the
        estimator's own draws, sampled until the question is decided. 3: laws over a range of
        settings.
    claim : str
        The sentence that was tested.
    verdict : {"PASS", "FAIL", "INCONCLUSIVE", "XFAIL"}
        PASS: the whole interval is within the bound. FAIL: the fault is proven at the check's
        false-alarm rate. INCONCLUSIVE: neither. XFAIL: a FAIL that was expected, with a reason.
    measured, low, high : float
        The quantity found, with its interval; low = high = measured where it is exact.
    bound : float
        The largest that passes (the margin of a sampled check).
    detail : str
        What a reader needs to find the fault; empty on PASS.
    evaluations : int
        Gradients or passes computed.
    seed : int
        Seed of the problem and of all draws.
    quantity : str
        What `measured` is.
    false_alarm_rate : float
        Rate at which the check fails a right estimator; 0 where nothing is drawn.
    planned : int
        Replicates that a test of fixed size with the same margin and rates would need; 0 where
        nothing is drawn.
    budget : int
        Most replicates allowed; 0 where nothing is drawn.
    look : int
        The look at which a sampled check was decided, from 1; 0 where nothing is drawn.
    causes : str
        Usual causes of a failure, most likely first, one a line; empty on PASS.
    """

    subject: str
    problem: str
    check: str
    level: int
    claim: str
    verdict: Verdict
    measured: float
    low: float
    high: float
    bound: float
    detail: str
    evaluations: int
    seed: int
    quantity: str = "relative difference"
    false_alarm_rate: float = 0.0
    planned: int = 0
    budget: int = 0
    look: int = 0
    causes: str = ""


@dataclass(frozen=True)
class CostRow:
    """One cost of one estimator for one update, of one sample over all steps.

    Parameters
    ----------
    subject : str
        The estimator.
    problem : str
        Network and data, for people to read.
    quantity : str
        For example ``forward_passes``, ``forward_macs``, ``forward_acs``, ``feedback_macs``,
        ``feedback_weight_bytes``, ``trace_bytes``; ``step_seconds`` alone is for the whole batch.
    value, low, high : float
        As in `Interval`; counts are exact.
    unit : str
        Unit.
    """

    subject: str
    problem: str
    quantity: str
    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class EpochRow:
    """Metrics of one epoch of one training run.

    Parameters
    ----------
    subject : str
        The estimator.
    problem : str
        Network and data, for people to read.
    seed : int
        Of the training.
    epoch : int
        Its number, from 1.
    train_loss : float
        Mean over the samples of the epoch; not finite where the training diverged.
    train_accuracy, test_accuracy : float
        Fractions.
    seconds : float
        Wall time of the epoch.
    learning_rate : float
        Of its first batch.
    """

    subject: str
    problem: str
    seed: int
    epoch: int
    train_loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float
    learning_rate: float

    @property
    def diverged(self) -> bool:
        """Whether the loss is no longer a number."""
        return not math.isfinite(self.train_loss)


# the subject of what is the network's own
NETWORK = "network"


@dataclass(frozen=True)
class MomentRow:
    """One quantity of an estimator, or of the network, before one batch of a training.

    Parameters
    ----------
    subject : str
        The estimator that was looked at; `NETWORK` for what is the network's own.
    trained_by : str
        The estimator whose gradients the training takes.
    problem : str
        Network and data, for people to read.
    seed : int
        Of the training.
    iteration : int
        Batches before.
    layer : str
        Name of the layer, or ``total``.
    quantity : str
        ``squared_bias``, ``noise_variance``, ``gradient_variance``, ``cosine``, ``sign_agreement``,
        ``feedback_cosine``, ``gradient_norm``, ``firing_rate``, ``silent_neurons``.
    value, low, high, level : float
        As in `Interval`.
    replicates : int
        Number of gradient estimates behind it.
    """

    subject: str
    trained_by: str
    problem: str
    seed: int
    iteration: int
    layer: str
    quantity: str
    value: float
    low: float
    high: float
    level: float
    replicates: int
