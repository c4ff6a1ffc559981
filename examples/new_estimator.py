"""A new estimator, verified: direct feedback of one output to each neuron (Crafton et al. 2019)."""

from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import Deterministic, Estimand, Online, Passes, UnbiasedFor
from gradassay.estimators.feedback import direct_shapes, feed_back
from gradassay.estimators.signal import SignalEstimator


@dataclass(frozen=True)
class SparseDFA(SignalEstimator):
    name = "sparse_dfa"
    claims = (UnbiasedFor(Estimand("fixed_feedback")), Passes(1, 0), Deterministic(), Online())

    def state_shapes(self, network):
        return direct_shapes(network)

    def init(self, backend, network, key):
        state = {}
        for layer, (units, classes) in direct_shapes(network).items():
            heard = (key / layer).generator().integers(classes, size=units)
            state[layer] = backend.asarray(np.eye(classes)[heard])
        return state

    def top_down(self, state, observed, layer, descent):
        return feed_back(state[layer.name], observed.trace.errors, observed.replicates)
