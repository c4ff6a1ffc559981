"""Training on full data sets: the same estimators, an optimiser, metrics and recipes."""

from gradassay.training.data import PlacedData, Splits, place_data
from gradassay.training.divergence import DivergenceError
from gradassay.training.evaluation import evaluate
from gradassay.training.loop import TrainingResult, train
from gradassay.training.metrics import MetricsFile, read_metrics
from gradassay.training.optimiser import MomentumSGD, learning_rate_at
from gradassay.training.progress import TrainingProgress
from gradassay.training.recipes import RECIPES, Recipe, recipe_for
from gradassay.training.running import BatchReport
from gradassay.training.settings import TrainingSettings

__all__ = [
    "RECIPES",
    "BatchReport",
    "DivergenceError",
    "MetricsFile",
    "MomentumSGD",
    "PlacedData",
    "Recipe",
    "Splits",
    "TrainingProgress",
    "TrainingResult",
    "TrainingSettings",
    "evaluate",
    "learning_rate_at",
    "place_data",
    "read_metrics",
    "recipe_for",
    "train",
]
