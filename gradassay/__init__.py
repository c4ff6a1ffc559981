"""gradassay: verify and benchmark the gradient estimators that train spiking neural networks."""

__version__ = "0.1.0"
