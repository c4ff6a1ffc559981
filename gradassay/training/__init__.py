"""Training on full data sets."""

from gradassay.training.checkpoints import Checkpoints
from gradassay.training.data import PlacedData, place_data
from gradassay.training.divergence import DivergenceError
from gradassay.training.folder import RunFolder
from gradassay.training.loop import TrainingResult, train
from gradassay.training.metrics import RowsFile, read_metrics
from gradassay.training.named_recipes import NAMED_RECIPES, NamedRecipe, named_recipe
from gradassay.training.progress import TrainingProgress
from gradassay.training.recipe import Recipe
from gradassay.training.recipes import RECIPES, recipe_for
from gradassay.training.run import InFlight
from gradassay.training.running_mean import BatchReport
from gradassay.training.settings import TrainingSettings
from gradassay.training.snapshot import Snapshot, read_snapshot
from gradassay.training.trainable import require_trainable

__all__ = [
    "NAMED_RECIPES",
    "RECIPES",
    "BatchReport",
    "Checkpoints",
    "DivergenceError",
    "InFlight",
    "NamedRecipe",
    "PlacedData",
    "Recipe",
    "RowsFile",
    "RunFolder",
    "Snapshot",
    "TrainingProgress",
    "TrainingResult",
    "TrainingSettings",
    "named_recipe",
    "place_data",
    "read_metrics",
    "read_snapshot",
    "recipe_for",
    "require_trainable",
    "train",
]
