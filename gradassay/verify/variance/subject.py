"""All studies of one estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gradassay.core.curves import ExponentRow, ScalingRow
from gradassay.core.estimator import Estimator
from gradassay.verify.checks.case import Settings
from gradassay.verify.variance.age import feedback_by_age
from gradassay.verify.variance.closed_age import closed_age
from gradassay.verify.variance.closed_points import ClosedPoint, closed_points, measured_point
from gradassay.verify.variance.exponents import fitted_exponents
from gradassay.verify.variance.study import Study
from gradassay.verify.variance.theory import Theory, expected_exponent


@dataclass(frozen=True)
class Subject:
    """An estimator and what is to be found out about it.

    Parameters
    ----------
    name : str
        In records.
    estimator : Estimator
        As it was asked for: of the closed forms and of the age of its feedback.
    at_base : Estimator
        With the options of the study's base point.
    study : Study
        Gives seed and level too.
    states : int
        Independent feedback states.
    """

    name: str
    estimator: Estimator
    at_base: Estimator
    study: Study
    states: int

    @property
    def tasks(self) -> int:
        """How often `rows` says that something is done."""
        return len(self.study.points(self.at_base)) + len(self._closed) + 2

    @cached_property
    def _closed(self) -> list[ClosedPoint]:
        return list(closed_points(self.name, self.estimator, Settings(seed=self.study.seed)))

    def rows(self, advance: Callable[[str], None] = lambda name: None) -> list[ScalingRow]:
        """Return the rows of the study, of the closed forms, and of the feedback's age."""
        study, found = self.study, list[ScalingRow]()
        for point in study.points(self.at_base):
            found += study.measured(self.name, point)
            advance(self.name)
        for closed in self._closed:
            found += measured_point(closed, self.name, study.seed, study.level)
            advance(self.name)
        found += feedback_by_age(
            self.name,
            self.estimator,
            study.build(study.base, 0),
            seed=study.seed,
            states=self.states,
            batch_size=study.base.samples,
            level=study.level,
        )
        advance(self.name)
        found += closed_age(
            self.name,
            self.estimator,
            seed=study.seed,
            states=self.states,
            level=study.level,
        )
        advance(self.name)
        return found

    def exponents(self, rows: list[ScalingRow]) -> list[ExponentRow]:
        """Return the exponents of these rows, but for those over the age of feedback."""
        varied = [row for row in rows if row.variable != "updates"]
        return fitted_exponents(varied, self._expected, self.study.level)

    def _expected(self, quantity: str, variable: str, values: Sequence[float]) -> Theory:
        return expected_exponent(self.at_base, quantity, variable, values)
