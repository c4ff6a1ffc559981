"""Data, network, start parameters and backend of one command, made from its options."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from gradassay import __version__
from gradassay.core.backend import Backend
from gradassay.core.builders import network_named
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.layers import MapShape
from gradassay.core.network import Loss, Network
from gradassay.core.params import Params, initial_params
from gradassay.datasets import Dataset, Framing, holds_events, load_dataset
from gradassay.training import (
    PlacedData,
    Recipe,
    TrainingResult,
    TrainingSettings,
    recipe_for,
    train,
)
from gradassay.workbench.backends import backend_named
from gradassay.workbench.options import ProblemOptions, StartOptions, require_seed


@dataclass(frozen=True)
class Workbench:
    """What is worked on.

    Parameters
    ----------
    options : ProblemOptions
        As given.
    name : str
        Network and data, for people; the ``problem`` of all records.
    data : Dataset
        Training and test part.
    whole : Dataset
        The same with all training samples.
    framing : Framing or None
        How events became frames; None for images.
    recipe : Recipe
        Defaults of the data set.
    network : Network
        The model.
    params : Params
        Initial parameters, NumPy float64.
    gain : float
        Of the initial parameters.
    backend : Backend
        As chosen; torch computes in float32.
    """

    options: ProblemOptions
    name: str
    data: Dataset
    whole: Dataset
    framing: Framing | None
    recipe: Recipe
    network: Network
    params: Params
    gain: float
    backend: Backend

    @classmethod
    def prepare(
        cls,
        options: ProblemOptions,
        start: StartOptions | None = None,
        *,
        whole: Dataset | None = None,
        recipe: Recipe | None = None,
    ) -> Workbench:
        """Load the data and build everything; fails before any work is done.

        Parameters
        ----------
        options : ProblemOptions
            Data, network and machine.
        start : StartOptions or None
            Training samples, gain and loss; None for those of the recipe.
        whole : Dataset or None
            The data, where another bench with the same options but the seed has loaded them.
        recipe : Recipe or None
            None for that of the data set and network.
        """
        start = start or StartOptions()
        require_seed(options.seed)
        backend = backend_named(options.backend, device=options.device)
        recipe = recipe or recipe_for(options.dataset, options.network)
        name = options.network or recipe.network
        framing = _framing(options, recipe)
        whole = _loaded(options, recipe, framing) if whole is None else whole
        data = whole
        steps = _steps(options.steps, recipe.steps, data)
        loss = Loss(mse_weight=recipe.mse_weight if start.mse_weight is None else start.mse_weight)
        network = network_named(name, input_shape(data), data.classes, steps=steps, loss=loss)
        gain = _require_gain(recipe.gain if start.gain is None else start.gain)
        params = initial_params(network, Key(options.seed) / "params", gain=gain)
        label = f"{options.dataset}, {name}, T={steps}{_told(framing)}"
        label += f", {data.part}" if data.part else ""
        if start.train_samples is not None:
            data = _subset(data, start.train_samples, Key(options.seed) / "subset")
            label = f"{label}, {start.train_samples:,} training samples"
        return cls(options, label, data, whole, framing, recipe, network, params, gain, backend)

    def require_suitable(self, estimators: Mapping[str, Estimator]) -> None:
        """Refuse an estimator that the network does not suit, before any work is done."""
        for estimator in estimators.values():
            estimator.init(self.backend, self.network, Key(self.options.seed) / "state")

    def settings(self, estimators: Mapping[str, Estimator]) -> dict[str, object]:
        """Return what the manifest says about this bench."""
        return {
            "dataset": self.data.name,
            "source": self.data.source,
            "train_samples": len(self.data.train_targets),
            "scaling": repr(self.data.scaling),
            "framing": repr(self.framing),
            "network": self.network.to_json(),
            "network_digest": self.network.digest,
            "gain": self.gain,
            "device": self.options.device,
            "backend": self.backend.name,
            "dtype": np.dtype(self.backend.dtype).name,
            "threads": self._threads,
            "estimators": {name: repr(estimator) for name, estimator in estimators.items()},
        }

    def train(
        self,
        estimator: Estimator,
        settings: TrainingSettings,
        data: PlacedData,
        **following: Any,
    ) -> TrainingResult:
        """Train with an estimator from the initial parameters; keywords are those of `train`."""
        model = (self.backend, self.network, self.params)
        return train(estimator, *model, data, settings, problem=self.name, **following)

    def identity(self, estimator: Estimator, training: TrainingSettings) -> dict[str, str]:
        """Return what makes a training what it is: another one has another identity."""
        told = {
            "estimator": estimator,
            "training": training,
            "dataset": self.data.name,
            "checksums": dict(self.data.checksums),
            "scaling": self.data.scaling,
            "train_samples": len(self.data.train_targets),
            "network": self.network.digest,
            "gain": self.gain,
            "seed": self.options.seed,
            "backend": self.backend.name,
            "dtype": np.dtype(self.backend.dtype).name,
        }
        return {name: str(value) for name, value in told.items()}

    @property
    def environment(self) -> dict[str, str]:
        """What the last bits of the numbers depend on besides."""
        told = {
            "gradassay": __version__,
            "numpy": np.__version__,
            "torch": getattr(self._torch, "__version__", None),
            "threads": self._threads,
        }
        return {name: str(value) for name, value in told.items()}

    @property
    def _torch(self) -> ModuleType | None:
        """None for a backend that does without."""
        return sys.modules.get("torch")

    @property
    def _threads(self) -> int | None:
        return None if self._torch is None else self._torch.get_num_threads()


def _loaded(options: ProblemOptions, recipe: Recipe, framing: Framing | None) -> Dataset:
    """Return the data, scaled as options and recipe say."""
    with Console(stderr=True).status(escape(f"reading {options.dataset}")):
        data = load_dataset(options.dataset, options.data_dir, framing=framing)
    standardise = recipe.standardised if options.standardise is None else options.standardise
    return data.standardised() if standardise else data


def _told(framing: Framing | None) -> str:
    """Return what sets frames apart from those of all events at full size, for a name."""
    if framing is None:
        return ""
    parts = [f"{framing.downsample}x smaller"] if framing.downsample > 1 else []
    parts += ["steps of equal count"] if framing.by == "count" else []
    parts += [f"first {framing.window_us / 1000:g} ms"] if framing.window_us else []
    return "".join(f", {part}" for part in parts)


def _framing(options: ProblemOptions, recipe: Recipe) -> Framing | None:
    """Return how events become the frames of T steps; None where there are none."""
    if not holds_events(options.dataset):
        if (options.downsample, options.window_ms, options.frames_by) != (None, None, "time"):
            raise UsageError(
                f"--downsample, --window-ms, --frames-by: {options.dataset} holds no events; leave"
                " them out."
            )
        return None
    if options.window_ms is not None and not 0.001 <= options.window_ms < math.inf:
        raise UsageError(
            f"--window-ms: got {options.window_ms:g}; expected at least 0.001, a microsecond."
        )
    return Framing(
        recipe.steps if options.steps is None else options.steps,
        options.frames_by,
        recipe.downsample if options.downsample is None else options.downsample,
        None if options.window_ms is None else round(options.window_ms * 1000),
    )


def _steps(wanted: int | None, usual: int, data: Dataset) -> int:
    """Return T: of the data where it is a sequence, else as wanted or as usual."""
    if data.steps is None:
        return usual if wanted is None else wanted
    if wanted not in (None, data.steps):
        raise UsageError(
            f"--steps: got {wanted}; {data.name} has sequences of {data.steps} steps. Leave it out."
        )
    return data.steps


def input_shape(data: Dataset) -> int | MapShape:
    """Return (channels, rows, columns); the number of features of data without an image shape."""
    if len(data.shape) == 3:
        return (data.shape[0], data.shape[1], data.shape[2])
    if len(data.shape) == 2:
        return (1, data.shape[0], data.shape[1])
    return int(data.train_inputs.shape[-1])


def _subset(data: Dataset, count: int, key: Key) -> Dataset:
    """Return the data with some of its training samples."""
    total = len(data.train_targets)
    if not 1 <= count <= total:
        raise UsageError(
            f"--train-samples: got {count}; expected 1 to {total:,}, the training samples of"
            f" {data.name}."
        )
    return data.subset(count, key)


def _require_gain(gain: float) -> float:
    """Refuse a gain that is not a positive number."""
    if not 0 < gain < math.inf:
        raise UsageError(f"--gain: got {gain:g}; expected a positive number.")
    return gain
