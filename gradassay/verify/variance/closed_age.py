"""The age of feedback on a problem where the variance of one term has a closed form."""

from __future__ import annotations

from gradassay.core.curves import ScalingRow
from gradassay.core.estimator import Estimator
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.checks.laws.momentum_chain import LAYER, independent_offsets
from gradassay.verify.checks.laws.momentum_law import momentum_problem
from gradassay.verify.checks.laws.subjects import has_momentum_law, unfrozen
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.oracles.closed_forms import feedback_total_variance
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import Size
from gradassay.verify.variance.age import feedback_by_age

SIZE = Size(units=32, samples=2)


def closed_age(
    name: str, estimator: Estimator, *, seed: int, states: int, level: float
) -> list[ScalingRow]:
    """Return `feedback_by_age` on the law problem of 32 units, predictions in closed form.

    ``v = (1 / N^2) sum_n [d |o_n|^2 / alpha^2 + (d + k4 - 2) |J|_F^2]``: nothing in it is measured.
    Empty where momentum feedback is not claimed, or not with noise on spikes.
    """
    subject = unfrozen(estimator)
    found = momentum_problem(subject, SIZE, seed) if has_momentum_law(subject) else None
    if found is None:
        return []
    model, batch = noise_model(subject), found.batch
    problem = Problem.build(
        f"law problem: {found.name}",
        BACKEND,
        found.network,
        found.params,
        batch.inputs,
        batch.targets,
    )
    outputs = BACKEND.forward(found.network, found.params, batch).outputs
    v = feedback_total_variance(
        model.law,
        found.params["readout.weight"],
        offsets=independent_offsets(outputs, model),
        alpha=model.scale,
    )
    return feedback_by_age(
        name,
        subject,
        problem,
        seed=seed,
        states=states,
        batch_size=batch.size,
        level=level,
        draw_variance={LAYER: v},
    )
