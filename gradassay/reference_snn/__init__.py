"""The model in plain NumPy float64: the oracle, slow and clear."""

from gradassay.reference_snn.backend import ReferenceBackend
from gradassay.reference_snn.gradients import bptt_gradient, online_gradient

__all__ = ["ReferenceBackend", "bptt_gradient", "online_gradient"]
