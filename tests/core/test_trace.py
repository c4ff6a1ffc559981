"""A trace of spikes is summed when its values are asked for, once."""

import numpy as np
import pytest

from gradassay.core.trace import Presynaptic, SpikeTrace


def test_a_trace_of_spikes_is_summed_once_when_it_is_asked_for() -> None:
    calls: list[int] = []

    def summed() -> np.ndarray:
        calls.append(1)
        return np.ones((2, 3, 4))

    spikes, bias = np.zeros((2, 3, 4)), np.ones(2)
    trace = SpikeTrace(spikes, 0.5, bias, summed)
    assert isinstance(trace, Presynaptic)
    assert trace.spikes is spikes
    assert trace.bias is bias
    assert trace.leak == 0.5
    assert trace.weights is None
    assert trace.summed is summed
    assert not calls
    assert trace.values is trace.values
    assert len(calls) == 1


def test_a_trace_of_spikes_is_frozen() -> None:
    trace = SpikeTrace(np.zeros(1), 0.5, np.ones(1), lambda: np.ones(1))
    with pytest.raises(AttributeError):
        trace.bias = np.zeros(1)  # type: ignore[misc]
