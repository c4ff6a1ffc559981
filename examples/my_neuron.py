"""A neuron of one's own in plain torch, cross-checked: ``gradassay crosscheck my_neuron:Mine``."""

import torch

from gradassay.crosscheck.torch_implementation import TorchImplementation


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(context, u, threshold):
        context.save_for_backward(u - threshold)
        return (u >= threshold).to(u.dtype)

    @staticmethod
    def backward(context, slope):
        (x,) = context.saved_tensors
        sigmoid = torch.sigmoid(4 * x)
        return slope * 4 * sigmoid * (1 - sigmoid), None


class Mine(TorchImplementation):
    name = "mine"

    def make(self, neuron, units, dtype):
        return neuron

    def step(self, node, current, state):
        u = current if state is None else node.leak * state + current
        spikes = Spike.apply(u, node.threshold)
        return spikes, u, u - node.threshold * spikes.detach()
