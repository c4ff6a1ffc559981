"""What a weight gradient multiplies with: a layer's input, or the leaky sum of it over time."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.trace import Presynaptic, SpikeTrace
from gradassay.torch_snn.packed import Packed, Spikes


def activity(values: Spikes, steps: int) -> Presynaptic:
    """Return a layer's input itself, with bias 1.

    Parameters
    ----------
    values : tensor or Packed, shape (t, R*B, n), or (R*B, n) for a static input
        Kept as it is, not copied.
    steps : int
        t.
    """
    if isinstance(values, Packed):
        constant = torch.ones(steps, dtype=values.dtype)
        return SpikeTrace(values, 0.0, constant, lambda: values.values)
    ones = values.new_ones(steps)
    return Presynaptic(values, ones, ones if values.ndim == 2 else None)


def eligibility(
    values: Tensor, bias: Tensor, leak: float, previous: Tensor | None
) -> tuple[Presynaptic, Tensor | None]:
    """Return a layer's trace ``a[t] = leak * a[t-1] + x[t]`` and its last step.

    For a static input ``a[t] = bias[t] * x``, so its values stay ``(R*B, n)`` and nothing but the
    bias's trace has to be carried on.

    Parameters
    ----------
    values : tensor, shape (t, R*B, n), or (R*B, n) for a static input
        The layer's input x.
    bias : tensor, shape (t,)
        The trace of the constant input 1 (`bias_trace`).
    leak : float
        Factor on the trace from one step to the next.
    previous : tensor, shape (R*B, n), or None
        a of the step before this block; None before the first step, where it is 0.
    """
    if values.ndim == 2:
        return Presynaptic(values, bias, bias), None
    trace = torch.empty_like(values)
    before = torch.zeros_like(values[0]) if previous is None else previous
    for x, a in zip(values, trace, strict=True):
        torch.add(x, before, alpha=leak, out=a)
        before = a
    return Presynaptic(trace, bias), before


def bias_trace(leak: float, steps: int, previous: float) -> list[float]:
    """Return ``a[t] = leak * a[t-1] + 1`` for a block of steps.

    Examples
    --------
    >>> bias_trace(0.5, 3, 0.0)
    [1.0, 1.5, 1.75]
    """
    trace = []
    for _ in range(steps):
        previous = leak * previous + 1
        trace.append(previous)
    return trace
