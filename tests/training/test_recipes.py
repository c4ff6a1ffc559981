from __future__ import annotations

import pytest

from gradassay.core.builders import network_named
from gradassay.core.errors import UsageError
from gradassay.datasets import DATASET_NAMES
from gradassay.estimators import make_estimator, zoo_names
from gradassay.training import RECIPES, recipe_for


def test_every_data_set_has_a_recipe() -> None:
    assert set(RECIPES) == set(DATASET_NAMES)


@pytest.mark.parametrize("dataset", DATASET_NAMES)
def test_a_recipe_names_what_exists(dataset: str) -> None:
    recipe = recipe_for(dataset)
    assert network_named(recipe.network, 64, 10, steps=recipe.steps).steps == recipe.steps
    assert set(recipe.options) | set(recipe.learning_rates) <= set(zoo_names())
    for name in zoo_names():
        assert make_estimator(name, **recipe.options_for(name)).name == name
        assert recipe.settings_for(name, seed=4).seed == 4


def test_only_the_named_estimators_have_a_rate_of_their_own() -> None:
    recipe = recipe_for("fashion-mnist")
    shared = {n for n in zoo_names() if n not in recipe.learning_rates}
    assert {recipe.settings_for(n, 0).learning_rate for n in shared} == {
        recipe.settings.learning_rate
    }


def test_an_unknown_data_set_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'fashion-mnist'"):
        recipe_for("fashion_mnist")
