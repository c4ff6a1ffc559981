from __future__ import annotations

import pytest

from gradassay.core.builders import network_named
from gradassay.core.errors import UsageError
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.datasets import DATASET_NAMES
from gradassay.estimators import make_estimator, zoo_names
from gradassay.torch_snn import TorchBackend
from gradassay.training import (
    RECIPES,
    PlacedData,
    Recipe,
    TrainingSettings,
    recipe_for,
    train,
)


def test_every_data_set_has_a_recipe() -> None:
    assert set(RECIPES) == set(DATASET_NAMES)


@pytest.mark.parametrize("dataset", DATASET_NAMES)
def test_a_recipe_names_what_exists(dataset: str) -> None:
    recipe = recipe_for(dataset)
    network = network_named(recipe.network, (3, 32, 32), 10, steps=recipe.steps)
    assert network.steps == recipe.steps
    assert set(recipe.options) | set(recipe.learning_rates) <= set(zoo_names())
    for name in zoo_names():
        assert make_estimator(name, **recipe.options_for(name)).name == name
        assert recipe.settings_for(name, seed=4).seed == 4


@pytest.mark.parametrize("dataset", ["npz:own.npz", "folder:images", "events:cifar10"])
def test_data_that_are_named_by_their_place_have_a_recipe_too(dataset: str) -> None:
    assert recipe_for(dataset).dataset == dataset


def test_only_the_named_estimators_have_a_rate_of_their_own() -> None:
    recipe = recipe_for("fashion-mnist")
    shared = {n for n in zoo_names() if n not in recipe.learning_rates}
    assert {recipe.settings_for(n, 0).learning_rate for n in shared} == {
        recipe.settings.learning_rate
    }


def test_a_sum_has_the_options_of_its_parts_and_the_first_rate_of_their_own() -> None:
    recipe = Recipe(
        "digits",
        "fc-8",
        TrainingSettings(learning_rate=0.1),
        options={"opzo": {"alpha": 0.3, "law": "laplace"}, "dfa": {"gain": 2.0, "alpha": 9.0}},
        learning_rates={"dfa": 0.02, "dkp": 0.03},
    )
    assert recipe.options_for("opzo+0.5*dfa") == {"alpha": 0.3, "law": "laplace", "gain": 2.0}
    assert recipe.options_for("0.5*dfa+opzo") == {"alpha": 9.0, "law": "laplace", "gain": 2.0}
    assert recipe.options_for("other.module:method+dfa") == recipe.options["dfa"]
    rates = {
        name: recipe.settings_for(name, 3).learning_rate
        for name in ("opzo", "opzo+0.1*dkp", "opzo+dkp+dfa", "module:dfa", "dfa+dkp")
    }
    assert rates == {
        "opzo": 0.1,
        "opzo+0.1*dkp": 0.03,
        "opzo+dkp+dfa": 0.03,
        "module:dfa": 0.1,
        "dfa+dkp": 0.02,
    }


@pytest.mark.parametrize("dataset", DATASET_NAMES)
def test_the_sums_of_the_paper_can_be_made(dataset: str) -> None:
    name = "opzo+0.01*local_learning+0.1*intermediate_global"
    estimator = make_estimator(name, **recipe_for(dataset).options_for(name))
    assert estimator.name == name
    assert estimator.noise == make_estimator("opzo", **recipe_for(dataset).options["opzo"]).noise


def test_convolutional_networks_have_a_recipe_of_their_own_where_there_is_one() -> None:
    dense = recipe_for("fashion-mnist")
    assert recipe_for("fashion-mnist", "fc-100") == dense
    own = recipe_for("fashion-mnist", "conv5")
    assert own.network != dense.network
    assert network_named(own.network, (1, 28, 28), 10, steps=own.steps).weighted
    for name in zoo_names():
        assert make_estimator(name, **own.options_for(name)).name == name
    assert recipe_for("digits", "4C3-FC") == recipe_for("digits")


def test_a_malformed_sum_is_named() -> None:
    with pytest.raises(UsageError, match=r"got 'opzo\+x\*dfa'; expected a name, or a sum"):
        recipe_for("digits").settings_for("opzo+x*dfa", 0)


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
        ("zo_two_point", 0.6, 1.0),
        ("forward_gradient", 0.6, 1.0),
        ("opzo+0.01*local_learning", 0.95, 1.0),
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
