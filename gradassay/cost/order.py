"""Rows of cost about order and memory: what waits for what, and the peak that was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import CostRow, Interval
from gradassay.cost.critical_path import sequential_depth
from gradassay.cost.locking import Locking, locking
from gradassay.cost.measure import cost_row, count


def order_rows(
    estimators: Mapping[str, Estimator],
    backend: Backend,
    network: Network,
    params: Params,
    batch: Batch,
    key: Key,
    problem: str,
) -> list[CostRow]:
    """Return what the updates of each estimator wait for, found by intervening.

    Parameters
    ----------
    estimators : mapping from subject to Estimator
        The names are the rows' subjects.
    backend, network, params, batch
        The model; arrays of the backend. Few samples are enough.
    key : Key
        Randomness of states and noise.
    problem : str
        Network and data, for people to read.

    Returns
    -------
    list of CostRow
        ``hidden_layers``, weighted layers below the output; of them ``update_locked_layers`` and
        ``backward_locked_layers``; ``signals_at_once``, layers whose signals can be made at the
        same time; ``steps_before_update``, 1 or T; ``sequential_depth``.
    """
    rows = []
    for subject, estimator in estimators.items():
        model = (backend, network, params, batch, key / subject)
        locks = locking(estimator, *model)
        signal = count(estimator, *model).signal
        found = {
            "hidden_layers": (len(locks.waits_for), "layers"),
            "update_locked_layers": (len(locks.update_locked), "layers"),
            "backward_locked_layers": (len(locks.backward), "layers"),
            "signals_at_once": (signals_at_once(locks), "layers"),
            "steps_before_update": (1 if locks.each_step else network.steps, "steps"),
            "sequential_depth": (sequential_depth(network, signal, locks), "layer steps"),
        }
        rows += [
            cost_row(subject, problem, name, Interval.exact(float(value)), unit)
            for name, (value, unit) in found.items()
        ]
    return rows


def signals_at_once(locks: Locking) -> int:
    """Return how many hidden layers can make their signals at the same time.

    All to which no error comes down through weights; of the others one at a time.
    """
    chained = len(locks.backward)
    return max(1, len(locks.waits_for) - chained + min(1, chained))


def peak_rows(
    work: Mapping[str, Callable[[], object]],
    peak: Callable[[Callable[[], object]], int],
    *,
    problem: str,
) -> list[CostRow]:
    """Return the peak memory of each subject's work, ``peak_bytes``.

    Parameters
    ----------
    work : mapping from subject to callable
        One estimate of a batch.
    peak : callable
        Measures it: `peak_bytes` or `torch_peak_bytes`.
    problem : str
        Network and data, for people to read.
    """
    return [
        cost_row(subject, problem, "peak_bytes", Interval.exact(float(peak(run))), "bytes")
        for subject, run in work.items()
    ]
