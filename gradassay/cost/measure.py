"""Rows of cost: counted on a batch, completed in closed form, and timed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Passes
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import CostRow, Interval
from gradassay.cost.closed_form import Cost, closed_form
from gradassay.cost.counting import CountingBackend, Counts
from gradassay.cost.declared import declared
from gradassay.cost.operations import size
from gradassay.cost.timing import interleaved_seconds, median_interval

UNITS = {
    "forward_passes": "passes",
    "backward_passes": "passes",
    "forward_macs": "MAC",
    "forward_acs": "AC",
    "backward_macs": "MAC",
    "tangent_macs": "MAC",
    "feedback_macs": "MAC",
    "update_macs": "MAC",
    "feedback_update_macs": "MAC",
    "noise_draws": "draws",
    "feedback_weight_bytes": "bytes",
    "trace_bytes": "bytes",
    "operations": "operations",
}


def cost_rows(
    estimators: Mapping[str, Estimator],
    backend: Backend,
    network: Network,
    params: Params,
    batch: Batch,
    key: Key,
    problem: str,
    *,
    repeats: int = 15,
) -> list[CostRow]:
    """Return what an update costs, for each estimator.

    Parameters
    ----------
    estimators : mapping from subject to Estimator
        What to cost; the names are the rows' subjects.
    backend, network, params, batch
        The model; arrays of the backend.
    key : Key
        Randomness of states and noise.
    problem : str
        Network and data, for people to read.
    repeats : int
        Timed estimates of each subject.

    Returns
    -------
    list of CostRow
        Passes and operations that go through the backend are counted on this batch, the rest is in
        closed form (`measure_cost`); both are exact, for one sample over all steps. Feedback
        weights are shared by all samples. ``step_seconds`` is the median wall time of one estimate
        of the *whole batch*, the drawing of noise included, with a 95 % interval
        (`median_interval`; infinite for fewer than six repeats). It holds for this machine and
        backend. It takes the estimates as independent draws of one law, which a machine that slows
        down for longer than a round breaks.

    Raises
    ------
    ConfigurationError
        If `repeats` is less than 1.
    """
    if repeats < 1:
        raise ConfigurationError(f"repeats: got {repeats!r}; expected at least 1.")
    problem_arrays = (backend, network, params, batch)
    rows = {
        subject: [
            _row(subject, problem, quantity, Interval.exact(value), UNITS[quantity])
            for quantity, value in _values(measure_cost(estimator, *problem_arrays, key / subject))
        ]
        for subject, estimator in estimators.items()
    }
    runs = {
        subject: _timed_estimate(estimator, *problem_arrays, key / subject)
        for subject, estimator in estimators.items()
    }
    for subject, seconds in interleaved_seconds(runs, repeats).items():
        rows[subject].append(_row(subject, problem, "step_seconds", median_interval(seconds), "s"))
    return [row for own in rows.values() for row in own]


def measure_cost(
    estimator: Estimator, backend: Backend, network: Network, params: Params, batch: Batch, key: Key
) -> Cost:
    """Return the cost of an update of one sample, counted on one estimate of a batch.

    Passes and forward, tangent, backward and weight-gradient operations are counted (mean over the
    batch);
    direct feedback, its learning, noise and memory are in closed form, from what the estimator
    declares (`declared`). Noise, and with it spikes, come from `key`.
    """
    counting = CountingBackend(backend)
    state = estimator.init(counting, network, key / "state")
    after = estimator.estimate(counting, network, params, batch, state, key / "counted").state
    counts = counting.counts.per_sample(batch.size)
    signal = declared(estimator, network, state, after)
    if signal.passes is None:
        passes = Passes(round(counts.forward_passes), round(counts.backward_passes))
        signal = dataclasses.replace(signal, passes=passes)
    cost = closed_form(network, signal, counts.spikes, input_spikes=counts.input_spikes)
    return _as_counted(cost, counts)


def _as_counted(cost: Cost, counts: Counts) -> Cost:
    """Put what was counted in place of its closed form."""
    return dataclasses.replace(
        cost,
        forward_passes=counts.forward_passes,
        backward_passes=counts.backward_passes,
        forward_macs=counts.forward.macs,
        forward_acs=counts.forward.acs,
        backward_macs=counts.backward.macs,
        tangent_macs=counts.tangent.macs,
        update_macs=counts.update.macs,
    )


def _values(cost: Cost) -> list[tuple[str, float]]:
    """Name and value of each quantity that a row is made of."""
    return [(quantity, float(getattr(cost, quantity))) for quantity in UNITS]


def _row(subject: str, problem: str, quantity: str, value: Interval, unit: str) -> CostRow:
    return CostRow(subject, problem, quantity, value.value, value.low, value.high, unit)


def _timed_estimate(
    estimator: Estimator, backend: Backend, network: Network, params: Params, batch: Batch, key: Key
) -> Callable[[int], None]:
    """Return a function that makes one estimate, each time with new noise and the latest state."""
    state = estimator.init(backend, network, key / "state")

    def run(number: int) -> None:
        nonlocal state
        estimate = estimator.estimate(
            backend, network, params, batch, state, key / "timed" / number
        )
        state = estimate.state
        # fetching an array waits for a device that works asynchronously
        backend.to_numpy(min(estimate.gradient.values(), key=size))

    return run
