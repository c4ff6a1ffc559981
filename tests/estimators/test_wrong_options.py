"""What an estimator refuses: options without meaning, and passes that lack what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError, GradassayError, UsageError
from gradassay.core.keys import Key
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, draw_noise
from gradassay.estimators import make_estimator
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.estimators.passes import Pass
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import dyadic_problem

BACKEND, PROBLEM = ReferenceBackend(), dyadic_problem((5, 4), steps=3, seed=0)


@pytest.mark.parametrize(
    ("name", "options", "kind", "words"),
    [
        ("bptt", {"reset_gradient": "yes"}, ConfigurationError, "got 'yes'; expected True or"),
        ("bptt", {"temporal": "spatial"}, ConfigurationError, "temporal: got 'spatial'; expected"),
        ("dkp", {"decay": -1.0}, ConfigurationError, r"decay: got -1.0; .*\[0, 1 / step\)"),
        ("dkp", {"step": 0.5, "decay": 2.0}, ConfigurationError, "decay: got 2.0"),
        ("forward_gradient", {"space": "input"}, UsageError, "space: got 'input'"),
        (
            "forward_gradient",
            {"space": "weight", "law": "sphere"},
            ConfigurationError,
            "'sphere' with the weight space",
        ),
        ("spsa", {"law": "sphere"}, ConfigurationError, "law of independent entries"),
        ("spsa", {"form": "centre"}, UsageError, "form: got 'centre'; .*'central'"),
        ("zo_two_point", {"form": "back"}, UsageError, "form: got 'back'"),
        ("zo_single_point", {"baseline": 1.0}, ConfigurationError, "baseline: got 1.0"),
        ("zo_single_point", {"baseline": True}, ConfigurationError, "baseline: got True"),
    ],
)
def test_options_without_meaning_are_one_line(
    name: str, options: Mapping[str, Any], kind: type[GradassayError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        make_estimator(name, **options)
    assert "\n" not in str(caught.value)


def test_a_neuron_has_a_known_reset() -> None:
    with pytest.raises(UsageError, match=r"reset: got 'sof'; .* Did you mean 'soft'"):
        Neuron(reset="sof")  # type: ignore[arg-type]


def observed(name: str) -> Pass:
    """What one pass without noise leaves."""
    estimator = make_estimator(name)
    assert isinstance(estimator, LayerwiseEstimator)
    network = PROBLEM.network
    return estimator.observe(
        BACKEND, network, PROBLEM.params, PROBLEM.batch, None, 1, (None, None), network.steps
    )


def directional(seen: Pass) -> object:
    estimator: Any = make_estimator("forward_gradient")
    return estimator.directional(seen)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda seen: seen.scale, "carries no noise"),
        (lambda seen: seen.second, "made one pass only"),
        (directional, "needs a direction"),
        (lambda seen: observed("zo_two_point"), "a two-point pass needs noise"),
    ],
)
def test_a_pass_without_what_a_method_needs_is_an_error_of_the_caller(
    use: Callable[[Pass], object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        use(observed("spatial_bp"))


@pytest.mark.parametrize("name", ["zo_single_point", "zo_two_point", "opzo"])
def test_a_sequence_with_given_noise_in_slices_equals_the_whole(name: str) -> None:
    estimator, network = make_estimator(name), PROBLEM.network
    assert estimator.noise is not None
    generator = Key(2).generator()
    inputs = generator.normal(size=(network.steps, *PROBLEM.batch.inputs.shape))
    batch = Batch(inputs, PROBLEM.batch.targets)
    noise: Noise = draw_noise(estimator.noise, network, batch.size, Key(3))
    state = estimator.init(BACKEND, network, Key(4))
    given = (BACKEND, network, PROBLEM.params, batch, state, Key(5))
    whole = estimator.estimate(*given, noise=noise)
    run = OnlineEstimate(estimator, BACKEND, network, batch, state, Key(5), noise=noise)
    total = PROBLEM.params.zeros_like()
    while not run.finished:
        total = total.map(np.add, run.advance(PROBLEM.params).gradient)
    assert relative_difference(total, whole.gradient) <= 1e-12
    assert relative_difference(run.state, whole.state) <= 1e-12
    other = draw_noise(estimator.noise, network, batch.size, Key(6))
    assert relative_difference(whole.gradient, estimator.estimate(*given, noise=other).gradient) > 0
