"""Training on full data sets."""

from gradassay.training.data import PlacedData, place_data
from gradassay.training.divergence import DivergenceError
from gradassay.training.loop import TrainingResult, train
from gradassay.training.metrics import MetricsFile, read_metrics
from gradassay.training.progress import TrainingProgress
from gradassay.training.recipes import RECIPES, Recipe, recipe_for
from gradassay.training.settings import TrainingSettings
from gradassay.training.trainable import require_trainable

__all__ = [
    "RECIPES",
    "DivergenceError",
    "MetricsFile",
    "PlacedData",
    "Recipe",
    "TrainingProgress",
    "TrainingResult",
    "TrainingSettings",
    "place_data",
    "read_metrics",
    "recipe_for",
    "require_trainable",
    "train",
]
