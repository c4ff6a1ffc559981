"""Trainings by name: data set, network and method of the paper's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gradassay.core.errors import unknown_name
from gradassay.training.recipe import Recipe
from gradassay.training.recipes import recipe_for

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "bp": "spatial_bp",
        "dfa": "dfa",
        "dkp": "dkp",
        "zo": "zo_single_point",
        "opzo": "opzo",
        "opzo-ll": "opzo+0.01*local_learning",
        "opzo-ll-igl": "opzo+0.01*local_learning+0.1*intermediate_global",
    }
)
PROBLEMS = (
    ("mnist", "fc-800-800"),
    ("fashion-mnist", "fc-800-800"),
    ("nmnist", "fc-800-800"),
    ("dvs-gesture", "conv5"),
    ("dvs-gesture", "conv9"),
    ("cifar10-dvs", "conv5"),
    ("cifar10", "conv5"),
    ("cifar100", "conv5"),
    ("cifar100", "conv9"),
)

# Whole trainings where the recipe of the data set is a short one. The first updates, while M is
# noise, are what costs OPZO accuracy, so the learning rate rises slowly and M learns first.
_WHOLE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "mnist": {"epochs": 20, "warm_up_epochs": 3, "weight_decay": 5e-4},
        "fashion-mnist": {"epochs": 20, "warm_up_epochs": 3, "weight_decay": 1e-4},
        "nmnist": {"epochs": 15},
    }
)
_LEARN_FIRST = {"warm_up": 200}


@dataclass(frozen=True)
class NamedRecipe:
    """What a name such as ``cifar10-conv5-opzo`` stands for.

    Parameters
    ----------
    dataset, network, estimator : str
        As `gradassay.datasets`, `gradassay.core.builders` and `gradassay.estimators` name them.
    """

    dataset: str
    network: str
    estimator: str

    def recipe_for(self, network: str) -> Recipe:
        """Return how to train such a network, at the length of a whole training.

        Parameters
        ----------
        network : str
            This recipe's own, or one in its place.
        """
        found = recipe_for(self.dataset, network)
        if self.dataset not in _WHOLE:
            return found
        learning = {**found.options.get("opzo", {}), **_LEARN_FIRST}
        return replace(
            found,
            settings=found.settings.replace(**_WHOLE[self.dataset]),
            options={**found.options, "opzo": learning},
        )


NAMED_RECIPES: Mapping[str, NamedRecipe] = MappingProxyType(
    {
        f"{dataset}-{network}-{method}": NamedRecipe(dataset, network, estimator)
        for dataset, network in PROBLEMS
        for method, estimator in METHODS.items()
    }
)


def named_recipe(name: str) -> NamedRecipe:
    """Return what a name stands for.

    Raises
    ------
    UsageError
        If there is none of that name.

    Examples
    --------
    >>> named_recipe("cifar10-conv5-opzo")
    NamedRecipe(dataset='cifar10', network='conv5', estimator='opzo')
    """
    if name not in NAMED_RECIPES:
        raise unknown_name("recipe", name, NAMED_RECIPES)
    return NAMED_RECIPES[name]
