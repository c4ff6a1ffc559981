"""The model in torch, written from the equations, independently of the reference."""

from gradassay.torch_snn.backend import TorchBackend

__all__ = ["TorchBackend"]
