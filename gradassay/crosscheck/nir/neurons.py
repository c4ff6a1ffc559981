"""Nodes with a state: neurons cut into steps by a dialect, and delays."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from gradassay.core.errors import ConfigurationError
from gradassay.crosscheck.nir.dialect import Dialect
from gradassay.crosscheck.nir.limits import MAX_VALUES
from gradassay.crosscheck.nir.nodes import Delay, Float, Neuron, Shape


@dataclass(frozen=True, eq=False)
class Filter:
    """``y[t] = leak y[t-1] + gain x[t] + drift``."""

    leak: Float
    gain: Float
    drift: Float


def synapse_filter(neuron: Neuron, dialect: Dialect) -> Filter | None:
    """Return the filter of the synaptic current: gain ``w_in s``, see `Dialect` for leak and s."""
    if neuron.tau_syn is None or neuron.w_in is None or neuron.v_leak is None:
        return None
    leak, share = leak_and_share(neuron.tau_syn, dialect)
    gain = np.ones_like(share) if dialect.input_scale == "unscaled" else neuron.w_in * share
    drift = (1 - leak) * neuron.v_leak if dialect.synapse_leak else np.zeros_like(share)
    return Filter(leak, gain, drift)


def membrane_filter(neuron: Neuron, dialect: Dialect) -> Filter:
    """Return the filter of the membrane potential.

    Gain ``R s`` and drift ``(1 - leak) v_leak``, with leak and s as `Dialect` states. Without leak:
    1, ``R dt`` and 0. Other gains: see `Dialect.input_scale`.
    """
    without_r = dialect.input_scale == "without_r" and neuron.tau_syn is None
    unscaled = dialect.input_scale == "unscaled"
    one = np.ones_like(neuron.r)
    if neuron.tau is None or neuron.v_leak is None:
        gain = one if unscaled or without_r else neuron.r * dialect.dt
        return Filter(one, gain, np.zeros_like(one))
    leak, share = leak_and_share(neuron.tau, dialect)
    gain = one if unscaled else share if without_r else neuron.r * share
    return Filter(leak, gain, (1 - leak) * neuron.v_leak)


def leak_and_share(tau: Float, dialect: Dialect) -> tuple[Float, Float]:
    """Return the leak of a step, and the share by which the input of a step counts."""
    ratio = dialect.dt / tau
    if dialect.integration == "euler":
        return 1 - ratio, ratio
    return np.exp(-ratio), ratio if dialect.integration == "exponential" else -np.expm1(-ratio)


@dataclass
class NeuronRun:
    """A neuron between two steps.

    Before the reset the potential is ``v[t] = leak reset(v[t-1]) + gain I[t] + drift``, or, where
    the reset comes before the comparison, ``reset(leak v[t-1] + gain I[t] + drift)``; the reset is
    where the neuron fired one step before, or two with a lag.
    """

    neuron: Neuron
    dialect: Dialect
    shape: Shape
    membrane: Float = field(init=False)
    fired: list[Float] = field(init=False)

    def __post_init__(self) -> None:
        neuron, dialect = self.neuron, self.dialect
        self._synapse = synapse_filter(neuron, dialect)
        self._filter = membrane_filter(neuron, dialect)
        rest = np.zeros(self.shape)
        starts = {"zero": None, "v_leak": neuron.v_leak, "v_reset": neuron.v_reset}
        start = starts[dialect.initial]
        self.membrane = rest if start is None else rest + start
        self._current = rest
        if dialect.synapse_leak and neuron.v_leak is not None:
            self._current = rest + neuron.v_leak
        self.fired = [rest, rest]

    def step(self, arriving: Float) -> Float:
        """Return the spikes, or the potential of a neuron without threshold, and move on."""
        if self._synapse is not None:
            self._current = _filtered(self._synapse, self._current, arriving)
            arriving = self._current
        if self.dialect.conventions.reset_before == "leak":
            v = _filtered(self._filter, self._reset(self.membrane), arriving)
        else:
            v = self._reset(_filtered(self._filter, self.membrane, arriving))
        self.membrane = v
        if self.neuron.v_threshold is None:
            return v
        spikes = spikes_of(v, self.neuron.v_threshold, self.dialect)
        self.fired = [spikes, self.fired[0]]
        return spikes

    def _reset(self, v: Float) -> Float:
        """Return the potential after the reset that is due."""
        if self.neuron.v_threshold is None or self.neuron.v_reset is None:
            return v
        conventions, fired = self.dialect.conventions, self.fired[self.dialect.conventions.lag]
        if conventions.reset == "soft":
            v = v - self.neuron.v_threshold * fired
        elif conventions.reset == "hard":
            value = self.neuron.v_reset if self.dialect.reset_to == "v_reset" else 0.0
            v = np.where(fired > 0, value, v)
        if self.dialect.floor and self.neuron.tau is None:
            v = np.maximum(v, -self.neuron.v_threshold)
        return v


def _filtered(values: Filter, old: Float, arriving: Float) -> Float:
    return values.leak * old + values.gain * arriving + values.drift


def spikes_of(v: Float, threshold: Float, dialect: Dialect) -> Float:
    """Return the spikes of a step: 0 or 1, or with several ``floor(v / V)`` where V is above 0."""
    conventions = dialect.conventions
    over = v > threshold if conventions.comparison == ">" else v >= threshold
    single = np.asarray(over, np.float64)
    if not conventions.several:
        return single
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = v / threshold
    many = np.ceil(ratio) - 1 if conventions.comparison == ">" else np.floor(ratio)
    return np.where(threshold > 0, np.maximum(many, 0.0), single)


@dataclass
class DelayRun:
    """A delay between two steps: what arrived before, newest first."""

    delay: Delay
    dialect: Dialect
    shape: Shape

    def __post_init__(self) -> None:
        steps = np.rint(np.broadcast_to(self.delay.delay / self.dialect.dt, self.shape))
        longest = float(steps.max(initial=0.0))
        if not longest * max(1, steps.size) <= MAX_VALUES:
            raise ConfigurationError(f"delay: {longest:g} steps at this dt; too many to hold.")
        self._steps = steps.astype(np.int64)
        depth = int(longest) + 1
        self._past = deque([np.zeros(self.shape)] * depth, maxlen=depth)

    def step(self, arriving: Float) -> Float:
        """Return what arrived the delay ago, and move on."""
        self._past.appendleft(arriving)
        given = np.empty(self.shape)
        for steps in np.unique(self._steps):
            chosen = self._steps == steps
            given[chosen] = self._past[int(steps)][chosen]
        return given
