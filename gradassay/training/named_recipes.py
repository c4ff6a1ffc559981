"""Trainings by name: data set, network and method of the paper's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gradassay.core.errors import unknown_name

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


@dataclass(frozen=True)
class NamedRecipe:
    """What a name such as ``cifar10-conv5-opzo`` stands for.

    Parameters
    ----------
    dataset, network, estimator : str
        As `gradassay.datasets`, `gradassay.core.builders` and `gradassay.estimators` name them.
        Settings and options are those of `recipe_for` this data set and network.
    """

    dataset: str
    network: str
    estimator: str


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
