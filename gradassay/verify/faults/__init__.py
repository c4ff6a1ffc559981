"""Planted faults: methods of the zoo, each wrong in one place, for the verifier's own test.

Each fault is as small as a programmer's mistake: an off-by-one, a factor, a swapped sign. It names
the check that must catch it; `gradassay.verify.self_test` runs them.
"""

from __future__ import annotations

from gradassay.verify.faults.behaviour import BEHAVIOUR, ENDLESS
from gradassay.verify.faults.constants import CONSTANTS
from gradassay.verify.faults.correlation import CORRELATION
from gradassay.verify.faults.fault import Fault
from gradassay.verify.faults.feedback import FEEDBACK
from gradassay.verify.faults.layers import LAYERS
from gradassay.verify.faults.loss import LOSS
from gradassay.verify.faults.neuron import NEURON
from gradassay.verify.faults.noise import NOISE
from gradassay.verify.faults.numerics import NUMERICS
from gradassay.verify.faults.scale import SCALE
from gradassay.verify.faults.sign_and_order import SIGN_AND_ORDER
from gradassay.verify.faults.time import TIME

FAULTS: tuple[Fault, ...] = (
    *SCALE,
    *SIGN_AND_ORDER,
    *NOISE,
    *CORRELATION,
    *TIME,
    *NEURON,
    *FEEDBACK,
    *LAYERS,
    *LOSS,
    *NUMERICS,
    *BEHAVIOUR,
    *CONSTANTS,
)

__all__ = ["ENDLESS", "FAULTS", "Fault"]
