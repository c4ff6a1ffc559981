"""Looking at estimators while one of them trains."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.records import NETWORK, MomentRow
from gradassay.workbench.estimators import chosen_estimators

if TYPE_CHECKING:
    from gradassay.training import InFlight, PlacedData
    from gradassay.verify.measuring.moment import Found, Moment
    from gradassay.workbench.workbench import Workbench


@dataclass(frozen=True)
class WatchingOptions:
    """What is looked at while a network trains.

    Parameters
    ----------
    watch_every
        Batches between two looks at bias, variance and cosine of the estimator's gradients, firing
        rates and silent neurons; 0 for none.
    passengers
        Estimators that are looked at on the same weights, and learn there, without moving them;
        names, separated by commas.
    watch_samples
        Training samples to look with, always the same.
    watch_pairs
        Pairs of draws at each look, at least 4.
    """

    watch_every: int = 0
    passengers: str = ""
    watch_samples: int = 64
    watch_pairs: int = 16

    def require_possible(self, bench: Workbench) -> None:
        """Refuse what cannot be looked at, before any work.

        Raises
        ------
        UsageError
            If a number is impossible, or there are passengers and nobody looks.
        """
        total = len(bench.data.train_targets)
        if self.watch_every < 0:
            raise UsageError(f"--watch-every: got {self.watch_every}; expected at least 0.")
        if self.watch_every and not 1 <= self.watch_samples <= total:
            raise UsageError(
                f"--watch-samples: got {self.watch_samples}; expected 1 to {total:,}, the training"
                " samples."
            )
        if self.watch_pairs < 4:
            raise UsageError(f"--watch-pairs: got {self.watch_pairs}; expected at least 4.")
        if self.passengers and not self.watch_every:
            raise UsageError(
                "--passengers: got some and --watch-every 0; expected batches between two looks."
            )

    @property
    def interval_method(self) -> str:
        """How the intervals of the moments come about; empty where nothing is looked at."""
        from gradassay.verify.measuring.moment import INTERVAL_METHOD

        return INTERVAL_METHOD if self.watch_every else ""

    def estimators(self, bench: Workbench) -> dict[str, Estimator]:
        """Return the passengers, with the recipe's options."""
        if not self.passengers:
            return {}
        return chosen_estimators([self.passengers], None, bench.recipe.options_for)


class Watcher:
    """Looks at one training, and hands on what it finds.

    Parameters
    ----------
    options : WatchingOptions
    bench : Workbench
    data : PlacedData
    trained_by : str
        Name of the estimator that trains, as it was asked for.
    estimators : mapping of str to Estimator
        It under its name, and the passengers.
    hand_on : callable
        Takes the rows of a look.
    """

    def __init__(
        self,
        options: WatchingOptions,
        bench: Workbench,
        data: PlacedData,
        trained_by: str,
        estimators: Mapping[str, Estimator],
        hand_on: Callable[[list[MomentRow]], None],
    ) -> None:
        self._options, self._bench, self._data = options, bench, data
        self._trained_by, self._estimators = trained_by, estimators
        self._hand_on = hand_on
        self._key = Key(bench.options.seed) / "watch"

    def __call__(self, now: InFlight) -> None:
        """Look, if it is time; fits `train`'s ``watch``."""
        if now.iteration % self._options.watch_every:
            return
        from gradassay.verify.measuring.feedback import look_at_feedback
        from gradassay.verify.measuring.moment import look_at_estimator, look_at_network

        moment = self._moment(now)
        rows = self._rows(NETWORK, now.iteration, look_at_network(moment))
        for name, estimator in self._estimators.items():
            state = now.state if name == self._trained_by else now.passengers[name]
            key = self._key / name / now.iteration
            pairs = self._options.watch_pairs
            found = look_at_estimator(estimator, moment, state, key, pairs)
            found += look_at_feedback(state, moment)
            rows += self._rows(name, now.iteration, found)
        self._hand_on(rows)

    def _moment(self, now: InFlight) -> Moment:
        from gradassay.verify.measuring.moment import Moment

        bench = self._bench
        batch = self._data.train.batch(self._samples)
        key = self._key / "batches" / now.iteration
        return Moment(
            bench.backend, bench.network, now.params, batch, lambda number: self._pair(key / number)
        )

    def _pair(self, key: Key) -> Batch:
        """Return two mini-batches of as many samples as are looked with, folded."""
        total, size = self._data.train.size, self._options.watch_samples
        generator = key.generator()
        numbers = [generator.choice(total, size, replace=False) for _ in range(2)]
        return dataclasses.replace(self._data.train.batch(np.concatenate(numbers)), folds=2)

    @cached_property
    def _samples(self) -> np.ndarray:
        order = (self._key / "samples").generator().permutation(self._data.train.size)
        return np.sort(order[: self._options.watch_samples])

    def _rows(self, subject: str, iteration: int, found: list[Found]) -> list[MomentRow]:
        bench = self._bench
        return [
            MomentRow(
                subject,
                self._trained_by,
                bench.name,
                bench.options.seed,
                iteration,
                one.layer,
                one.quantity,
                one.interval.value,
                one.interval.low,
                one.interval.high,
                one.interval.level,
                one.replicates,
            )
            for one in found
        ]
