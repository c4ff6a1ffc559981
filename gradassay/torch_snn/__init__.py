"""The model in torch, written from the equations, independently of the reference.

`backend` has the verbs, `checks` and `placement` what they refuse. A forward pass: `block` goes
through the layers, `population` fires (`neuron`, `surrogate`), `recorder` and `traces` keep what
was asked for, `loss` ends it. Layers without memory: `maps`, with `convolution`, `pooling` and
`standardisation`. Derivatives: `gradients`, `through_time`. For speed: `packed` spikes,
`spike_products`, and C in `native`.
"""

from gradassay.torch_snn.backend import TorchBackend

__all__ = ["TorchBackend"]
