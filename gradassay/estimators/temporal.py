"""The local rule in time: how a signal at a layer's spikes becomes a weight gradient.

With g the top-down signal at the spikes, psi the surrogate derivative, s the layer's input:

============== ===================================================================================
``online``     ``dW = sum_t psi[t] g[t] a[t]^T``, a the eligibility trace of s (OTTT): the path of
               the membrane potential in time is in the trace.
``spatial``    ``dW = sum_t psi[t] g[t] s[t]^T`` (SLTT): nothing goes from one step to another.
``local_bptt`` ``dW = sum_t epsilon[t] s[t]^T``, ``epsilon[t] = psi[t] g[t] + (du[t+1]/du[t])
               epsilon[t+1]``: exact in time inside each layer. It equals ``online`` where du/du is
               the leak; after a hard reset it is 0, which the trace does not know. A signal made
               from epsilon of the layers above also carries *their* time.
============== ===================================================================================

The choice changes the estimand of the weight gradient, not of a direct signal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Set
from typing import Literal, get_args

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Online
from gradassay.core.errors import unknown_name
from gradassay.core.trace import Presynaptic, Recorded, Trace
from gradassay.estimators.passes import Pass

Temporal = Literal["online", "spatial", "local_bptt"]
Traces = Literal["clean", "received"]

# the estimand of exact backpropagation in space under each rule
EXACT = {"online": "online_bp", "spatial": "spatial_bp", "local_bptt": "bptt"}


def require_temporal(temporal: str, traces: str) -> None:
    """Refuse a rule that does not exist.

    Raises
    ------
    UsageError
        Lists those that do.
    """
    if temporal not in get_args(Temporal):
        raise unknown_name("temporal", temporal, get_args(Temporal))
    if traces not in get_args(Traces):
        raise unknown_name("traces", traces, get_args(Traces))


def with_online(claims: tuple[Claim, ...], temporal: Temporal) -> tuple[Claim, ...]:
    """Return the claims of a method, with that of being online unless it goes back in time."""
    return claims if temporal == "local_bptt" else (*claims, Online())


def recorded(temporal: Temporal, traces: Traces) -> Set[Recorded]:
    """Return what a forward pass has to keep for a rule."""
    kinds: set[Recorded] = {"derivative", _presynaptic_kind(temporal, traces)}
    through_time: set[Recorded] = {"membrane", "spikes"}
    return kinds | through_time if temporal == "local_bptt" else kinds


def presynaptic_activity(
    trace: Trace, layer: str, temporal: Temporal, traces: Traces
) -> Presynaptic:
    """Return what a weighted layer's delta is multiplied with."""
    kind = _presynaptic_kind(temporal, traces)
    found: Presynaptic = getattr(trace, kind)[layer]
    return found


def by_current(
    observed: Pass,
    layer: str,
    signal: Array,
    derivative: Array,
    temporal: Temporal,
    *,
    reset_gradient: bool = False,
) -> Array:
    """Return the derivative by a layer's current, delta or epsilon, shape (t, R*B, n)."""
    if temporal != "local_bptt":
        return derivative * signal
    trace = dataclasses.replace(observed.trace, derivative={layer: derivative})
    return observed.backend.membrane_gradient(
        observed.network.neuron, layer, trace, signal, reset_gradient=reset_gradient
    )


def _presynaptic_kind(temporal: Temporal, traces: Traces) -> Recorded:
    if temporal == "online":
        return "eligibility" if traces == "clean" else "received_eligibility"
    return "activity" if traces == "clean" else "received_activity"
