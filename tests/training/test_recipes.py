from __future__ import annotations

import pytest

from gradassay.core.builders import network_named
from gradassay.core.errors import UsageError
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.datasets import DATASET_NAMES
from gradassay.estimators import make_estimator, zoo_names
from gradassay.torch_snn import TorchBackend
from gradassay.training import RECIPES, PlacedData, recipe_for, train


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


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("spatial_bp", 0.96, 1.0),
        ("opzo", 0.95, 1.0),
        ("dfa", 0.92, 1.0),
        ("zo_single_point", 0.12, 0.6),
    ],
)
def test_the_recipe_for_digits_trains(
    backend: TorchBackend, data: PlacedData, name: str, least: float, most: float
) -> None:
    recipe = recipe_for("digits")
    network = network_named(recipe.network, 64, 10, steps=recipe.steps)
    params = initial_params(network, Key(0) / "params", recipe.gain)
    estimator = make_estimator(name, **recipe.options_for(name))
    epochs = train(estimator, backend, network, params, data, recipe.settings_for(name, 0)).epochs
    assert least <= epochs[-1].test_accuracy <= most
