"""Dense and effective synaptic operations of each part of an update, side by side.

Dense: every connection at every step. Effective, as in NeuroBench: where the activity is not 0, and
an accumulate in place of a multiply-accumulate where it is a spike.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.cost.closed_form import Cost
from gradassay.cost.counting import Counts
from gradassay.cost.declared import Declared
from gradassay.cost.operations import Operations

PARTS = ("forward", "tangent", "backward", "feedback", "update", "feedback_update")


@dataclass(frozen=True)
class Synaptic:
    """Synaptic operations of one part of an update.

    Parameters
    ----------
    dense : float
        All connections.
    effective_macs, effective_acs : float
        Those whose activity is a real number other than 0, and those with a spike.
    """

    dense: float
    effective_macs: float
    effective_acs: float = 0

    @property
    def effective(self) -> float:
        """MACs and ACs, counted alike."""
        return self.effective_macs + self.effective_acs


def synaptic_operations(counts: Counts, cost: Cost, signal: Declared) -> dict[str, Synaptic]:
    """Return the dense and effective operations of each part, of one sample.

    Parameters
    ----------
    counts : Counts
        Per sample: of the forward passes, tangents, errors sent down and weight gradients.
    cost : Cost
        Direct feedback and its learning.
    signal : Declared
        Which feedback weights read out spikes.

    Notes
    -----
    An error of the output is taken as never 0, which is so for a softmax; a local readout of spikes
    costs one AC for each spike and class.
    """
    read_out = sum(
        counts.spikes[matrix.layer] * matrix.columns
        for matrix in signal.feedback
        if matrix.reads_out
    )
    readouts = sum(matrix.entries for matrix in signal.feedback if matrix.reads_out)
    direct = sum(matrix.macs for matrix in signal.feedback)
    sent_back = cost.feedback_macs * (1 - readouts / direct) if direct else 0.0
    return {
        "forward": _split(counts.forward),
        "tangent": _split(counts.tangent),
        "backward": _split(counts.backward),
        "feedback": Synaptic(cost.feedback_macs, sent_back, read_out),
        "update": _split(counts.update),
        "feedback_update": Synaptic(cost.feedback_update_macs, cost.feedback_update_macs),
    }


def _split(counted: Operations) -> Synaptic:
    """Return what was counted, MACs with spikes put among the ACs."""
    return Synaptic(
        counted.macs + counted.dense_acs,
        counted.effective_macs - counted.spike_macs,
        counted.acs + counted.spike_macs,
    )
