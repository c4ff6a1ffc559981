"""How well feedback weights stand for the network above, at one moment of a training."""

from __future__ import annotations

import math

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.estimator import State
from gradassay.core.network import Network
from gradassay.core.records import Interval
from gradassay.estimators.feedback import READOUT
from gradassay.verify.measuring.moment import Found, Moment


def look_at_feedback(state: State, moment: Moment) -> list[Found]:
    """Return the cosine of feedback weights with the average Jacobian, layer by layer.

    Parameters
    ----------
    state : mapping
        Of an estimator: matrices (n_l, m) under the names of hidden spiking layers, those of a
        sum's parts after the part's name. What is 0 has no direction and is passed over.
    moment : Moment
        Network and samples; the cosine is exact for these.
    """
    found = []
    for name, matrix in feedback_of(state, moment.network).items():
        cosine = _cosine(matrix, moment.jacobians[name])
        if not math.isnan(cosine):
            found.append(Found(name, "feedback_cosine", Interval.exact(cosine), 1))
    return found


def feedback_of(state: State, network: Network) -> dict[str, Array]:
    """Return the direct feedback weights of each hidden layer, the first in a sum of methods."""
    found: dict[str, Array] = {}
    for layer in network.spiking:
        shape = (layer.units, network.classes)
        for name, array in state.items():
            if name.startswith(READOUT) or f"/{READOUT}" in name:
                continue  # of a local loss: it sends down no error of the outputs
            if name.rpartition("/")[2] == layer.name and tuple(array.shape) == shape:
                found.setdefault(layer.name, array)
    return found


def _cosine(one: Array, two: Array) -> float:
    """Return the cosine of two matrices as vectors; NaN where one is 0."""
    xp = array_namespace(one)
    scale = math.sqrt(float(xp.sum(one * one)) * float(xp.sum(two * two)))
    return float(xp.sum(one * two)) / scale if scale > 0 else math.nan
