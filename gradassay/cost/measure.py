"""Rows of cost: counted on a batch, completed in closed form, and timed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Passes
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, require_estimate
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import CostRow, Interval
from gradassay.cost.closed_form import Cost, closed_form
from gradassay.cost.counting import CountingBackend, Counts
from gradassay.cost.declared import Declared, declared
from gradassay.cost.effective import Synaptic, synaptic_operations
from gradassay.cost.energy import energies
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
    "state_bytes": "bytes",
    "buffer_bytes": "bytes",
    "gradient_bytes": "bytes",
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
        closed form (`measure_cost`); both are exact, for one sample over all steps. Then the dense
        and effective operations of each part, and the energy of both under each published regime.
        Feedback weights and the gradient are shared by all samples. ``step_seconds`` is the median
        wall time of one estimate of the *whole batch*, the drawing of noise included, with a 95 %
        interval (`median_interval`; infinite for fewer than six repeats). It holds for this machine
        and backend. It takes the estimates as independent draws of one law, which a machine that
        slows down for longer than a round breaks.

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
            cost_row(subject, problem, quantity, Interval.exact(value), unit)
            for quantity, value, unit in _values(count(estimator, *problem_arrays, key / subject))
        ]
        for subject, estimator in estimators.items()
    }
    runs = {
        subject: timed_estimate(estimator, *problem_arrays, key / subject)
        for subject, estimator in estimators.items()
    }
    for subject, seconds in interleaved_seconds(runs, repeats).items():
        rows[subject].append(
            cost_row(subject, problem, "step_seconds", median_interval(seconds), "s")
        )
    return [row for own in rows.values() for row in own]


@dataclass(frozen=True)
class Counted:
    """One estimate of a batch, counted, and what the estimator says of itself.

    Parameters
    ----------
    counts : Counts
        Per sample.
    cost : Cost
        In closed form, with what was counted in its place.
    signal : Declared
        Passes, noise and feedback.
    """

    counts: Counts
    cost: Cost
    signal: Declared

    @property
    def parts(self) -> dict[str, Synaptic]:
        """Dense and effective operations of each part."""
        return synaptic_operations(self.counts, self.cost, self.signal)


def count(
    estimator: Estimator, backend: Backend, network: Network, params: Params, batch: Batch, key: Key
) -> Counted:
    """Return what one estimate of a batch does; see `measure_cost`."""
    counting = CountingBackend(backend)
    state = estimator.init(counting, network, key / "state")
    found = estimator.estimate(counting, network, params, batch, state, key / "counted")
    after = require_estimate(estimator, network, found).state
    counts = counting.counts.per_sample(batch.size)
    signal = declared(estimator, network, state, after)
    if signal.passes is None:
        passes = Passes(round(counts.forward_passes), round(counts.backward_passes))
        signal = dataclasses.replace(signal, passes=passes)
    cost = closed_form(network, signal, counts.spikes, input_spikes=counts.input_spikes)
    return Counted(counts, _as_counted(cost, counts), signal)


def measure_cost(
    estimator: Estimator, backend: Backend, network: Network, params: Params, batch: Batch, key: Key
) -> Cost:
    """Return the cost of an update of one sample, counted on one estimate of a batch.

    Passes and forward, tangent, backward and weight-gradient operations are counted (mean over the
    batch); direct feedback, its learning, noise and memory are in closed form, from what the
    estimator declares (`declared`). Noise, and with it spikes, come from `key`.
    """
    return count(estimator, backend, network, params, batch, key).cost


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


def _values(counted: Counted) -> list[tuple[str, float, str]]:
    """Name, value and unit of each quantity that a row is made of."""
    cost, parts = counted.cost, counted.parts
    found = [(quantity, float(getattr(cost, quantity)), unit) for quantity, unit in UNITS.items()]
    for name, part in parts.items():
        found.append((f"dense_{name}", part.dense, "operations"))
        found.append((f"effective_{name}_macs", part.effective_macs, "effective MAC"))
        found.append((f"effective_{name}_acs", part.effective_acs, "effective AC"))
    dense = sum(part.dense for part in parts.values())
    effective = sum(part.effective for part in parts.values())
    found.append(("dense_operations", dense, "operations"))
    found.append(("effective_operations", effective, "operations"))
    for name, joules in energies(parts).items():
        found.append((f"energy_{name}", joules, "J"))
    for name, joules in energies(parts, dense=True).items():
        found.append((f"dense_energy_{name}", joules, "J"))
    return found


def cost_row(subject: str, problem: str, quantity: str, value: Interval, unit: str) -> CostRow:
    """Return the row of a value with its interval."""
    return CostRow(subject, problem, quantity, value.value, value.low, value.high, unit)


def timed_estimate(
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
