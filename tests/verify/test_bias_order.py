"""Where neurons are smooth, the bias of noise-based methods falls with the square of alpha."""

from typing import Any

import numpy as np
import pytest

from gradassay.core.claims import BiasOrder
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.exact_oracles import exact_surrogate_gradient
from gradassay.verify.oracles.small_problems import SmallProblem, dyadic_problem, weight_problem

SMOOTH = Neuron(smooth=True, surrogate=Surrogate("gaussian", 1.0))
PROBLEM = dyadic_problem((3, 2), steps=2, seed=1, samples=1)


def smooth(problem: SmallProblem) -> SmallProblem:
    network = problem.network.replace(neuron=SMOOTH)
    params = problem.params.map(lambda w: w / 2)
    return SmallProblem(problem.name, network, Params(params), problem.batch)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("zo_single_point", {}),
        ("zo_single_point", {"temporal": "spatial"}),
        ("zo_two_point", {}),
        ("zo_two_point", {"form": "forward"}),
        ("pzo_two_point", {}),
        ("pzo_two_point", {"temporal": "spatial"}),
        ("spsa", {}),
    ],
)
def test_bias_is_of_the_claimed_order_in_alpha(name: str, options: Any) -> None:
    problem = smooth(weight_problem(1) if name == "spsa" else PROBLEM)
    claims = make_estimator(name, **options).claims
    (claim,) = (c for c in claims if isinstance(c, BiasOrder))
    exact = exact_surrogate_gradient(claim.estimand, problem)
    biases = []
    for alpha in (0.1, 0.05):
        estimator = make_estimator(name, law="rademacher", alpha=alpha, **options)
        moments, _ = enumerate_estimator(
            estimator, problem.network, problem.params, problem.batch, {}
        )
        biases.append(float(moments.mean.map(np.subtract, exact).norm()))
    assert biases[0] < 0.1 * float(exact.norm())
    order = np.log2(biases[0] / biases[1])
    assert order == pytest.approx(claim.order, abs=0.1)
