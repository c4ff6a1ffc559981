"""A simulator that is only a function of weights and inputs, cross-checked.

``gradassay crosscheck my_simulator:Simulator``
"""

import numpy as np

from gradassay.crosscheck.implementation import Answer, Profile


def simulate(weight, bias, inputs, leak, threshold):
    """Return the spikes of one layer, (T, B, n): stands for any code that can be called."""
    u, spikes = np.zeros((inputs.shape[1], len(bias))), []
    for values in inputs:
        u = leak * u + values @ weight.T + bias
        spikes.append((u >= threshold).astype(float))
        u = u - threshold * spikes[-1]
    return np.stack(spikes)


class Simulator:
    name = "my simulator"
    profile = Profile(differentiates=())

    def run(self, task):
        neuron, values, spikes = task.network.neuron, task.inputs, {}
        for weighted, layer in zip(task.network.weighted, task.network.spiking, strict=False):
            weight = task.params[f"{weighted.name}.weight"]
            bias = task.params.get(f"{weighted.name}.bias", np.zeros(layer.units))
            values = simulate(weight, bias, values, neuron.leak, neuron.threshold)
            spikes[layer.name] = values
        return Answer(spikes)
