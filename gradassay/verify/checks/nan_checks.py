"""Level 0: what is not a number stays visible."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradassay.core.estimator import Estimator
from gradassay.core.layers import Spiking
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Given, Settings, cached_problems
from gradassay.verify.checks.options import accepts
from gradassay.verify.oracles.small_problems import agreement_problems


def nan_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check on dense, convolutional and residual problems whose outputs are currents."""
    for problem in cached_problems(agreement_problems, settings.seed):
        if accepts(estimator, problem) and not isinstance(problem.network.output, Spiking):
            yield Case(name, estimator, problem, PASSES_ON, settings)


def passes_on_nan(case: Case) -> Iterator[CheckResult]:
    """Put a NaN among the readout's weights; the gradient must not be finite everywhere.

    One below a spiking layer would not do: a membrane potential that is not a number fires no
    spike, and a method that sees losses alone is right not to notice. A method may also say so, by
    an `ArithmeticError`.
    """
    backend, given = ReferenceBackend(), Given.of(case, ReferenceBackend())
    network = case.problem.network
    name = f"{network.readout.name}.weight"
    wrong = np.array(given.params[name])
    wrong.flat[0] = np.nan
    params = Params({**given.params, name: wrong})
    try:
        estimate = case.estimator.estimate(
            backend, network, params, given.batch, given.state, case.key / "estimate"
        )
        told = any(not np.isfinite(array).all() for array in estimate.gradient.values())
    except ArithmeticError:
        told = True
    found = case.result(
        f"with a NaN in {name} the gradient is not finite",
        {"NaN passed on": np.array(float(told))},
        {"NaN passed on": np.array(1.0)},
        bound=0.0,
        evaluations=1,
    )
    yield found if told else dataclasses.replace(found, detail=f"finite with a NaN in {name}")


PASSES_ON = Check("passes_on_nan", 0, passes_on_nan)
