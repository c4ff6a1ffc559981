"""Data, network, start parameters and backend of one command, made from its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from gradassay.cli.options import ProblemOptions
from gradassay.core.backend import Backend
from gradassay.core.builders import network_named
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, initial_params
from gradassay.datasets import Dataset, load_dataset
from gradassay.torch_snn import TorchBackend
from gradassay.training import Recipe, recipe_for


@dataclass(frozen=True)
class Workbench:
    """What the commands work on.

    Parameters
    ----------
    options : ProblemOptions
        As given.
    name : str
        Network and data, for people; the ``problem`` of all records.
    data : Dataset
        Training and test part.
    recipe : Recipe
        Defaults of the data set.
    network : Network
        The model.
    params : Params
        Initial parameters, NumPy float64.
    backend : Backend
        Torch, float32.
    """

    options: ProblemOptions
    name: str
    data: Dataset
    recipe: Recipe
    network: Network
    params: Params
    backend: Backend

    @classmethod
    def prepare(cls, options: ProblemOptions) -> Workbench:
        """Load the data and build everything; fails before any work is done."""
        backend = TorchBackend("float32", options.device)
        data = load_dataset(options.dataset, options.data_dir)
        recipe = recipe_for(data.name)
        name = options.network or recipe.network
        inputs = data.train_inputs.shape[1]
        steps = recipe.steps if options.steps is None else options.steps
        network = network_named(name, inputs, data.classes, steps=steps)
        params = initial_params(network, Key(options.seed) / "params", gain=recipe.gain)
        label = f"{options.dataset}, {name}, T={steps}"
        return cls(options, label, data, recipe, network, params, backend)

    def settings(self, estimators: Mapping[str, Estimator]) -> dict[str, object]:
        """Return what the manifest says about this bench."""
        return {
            "dataset": self.data.name,
            "source": self.data.source,
            "network": self.network.to_json(),
            "network_digest": self.network.digest,
            "gain": self.recipe.gain,
            "device": self.options.device,
            "backend": self.backend.name,
            "dtype": self.backend.dtype.__name__,
            "threads": torch.get_num_threads(),
            "estimators": {name: repr(estimator) for name, estimator in estimators.items()},
        }
