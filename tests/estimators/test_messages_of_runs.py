"""What an estimator says of a state, a network or a run that does not fit, word for word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise
from gradassay.estimators import make_estimator
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.estimators.passes import Pass
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.small_problems import dyadic_problem

BACKEND, PROBLEM = ReferenceBackend(), dyadic_problem((5, 4), steps=3, seed=0)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


def init(name: str, **options: Any) -> Callable[[], object]:
    network = options.pop("network", PROBLEM.network)
    return lambda: make_estimator(name, **options).init(BACKEND, network, Key(0))


def estimate(name: str, state: Mapping[str, Any]) -> Callable[[], object]:
    arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, Key(0))
    return lambda: make_estimator(name).estimate(*arguments)


def advance(name: str, state: Mapping[str, Any]) -> Callable[[], object]:
    arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, Key(0))
    return lambda: make_estimator(name).advance(*arguments)


def online(name: str, network: Any = PROBLEM.network) -> OnlineEstimate:
    estimator = make_estimator(name)
    state = estimator.init(BACKEND, network, Key(0))
    return OnlineEstimate(estimator, BACKEND, network, PROBLEM.batch, state, Key(0))


def taken(*steps: int) -> Callable[[], object]:
    def take() -> None:
        run = online("dfa")
        for count in steps:
            run.advance(PROBLEM.params, count)

    return take


LEFT = "what is left of the sequence."
SHAPES = "with or without a leading replicate axis."
RUNS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        init("dfa", feedback={"lif1": ones(5, 3)}),
        DataError,
        "dfa feedback: got matrices for ['lif1']; expected one for each of ['lif1', 'lif2'].",
    ),
    (
        init("opzo", start="given", feedback={"lif1": ones(5, 3), "lif2": ones(3, 4)}),
        DataError,
        "opzo feedback of lif2: got shape (3, 4); expected (4, 3), (units, classes).",
    ),
    (
        init("intermediate_global", network=dyadic_problem((5,), steps=2, seed=0).network),
        ConfigurationError,
        "intermediate_global layer: got 'lif1', the first of 1 hidden spiking layers; expected one"
        " with a layer before it.",
    ),
    (
        init("intermediate_global", layer="lif1"),
        ConfigurationError,
        "intermediate_global layer: got 'lif1', the first of 2 hidden spiking layers; expected one"
        " with a layer before it.",
    ),
    (
        init("intermediate_global", layer="lif7"),
        UsageError,
        "intermediate_global layer: got 'lif7'; expected one of lif1, lif2. Did you mean 'lif2'?",
    ),
    (
        init("opzo", output="sequence", pairing="none"),
        ConfigurationError,
        "opzo output: got 'sequence' with a loss of the step; expected 'step', or a network with"
        " Loss(over='sequence').",
    ),
    (
        estimate("dfa", {"lif1": ones(5, 3)}),
        DataError,
        "state of dfa: got ['lif1']; expected ['lif1', 'lif2'], as `init` returns it.",
    ),
    (
        advance("dfa", {"lif1": ones(5, 3)}),
        DataError,
        "state of dfa: got ['lif1']; expected ['lif1', 'lif2'], as `init` returns it.",
    ),
    (
        estimate("dfa", {"lif1": ones(5, 3), "lif2": ones(3, 4)}),
        DataError,
        f"state of dfa, lif2: got shape (3, 4); expected (4, 3), {SHAPES}",
    ),
    (
        estimate("dfa", {"lif1": ones(2, 1, 5, 3), "lif2": ones(4, 3)}),
        DataError,
        f"state of dfa, lif1: got shape (2, 1, 5, 3); expected (5, 3), {SHAPES}",
    ),
    (
        lambda: online("spsa"),
        ConfigurationError,
        "spsa: got an estimator that needs the whole sequence; expected one that takes it step by"
        " step. Update the weights once a sequence.",
    ),
    (
        lambda: online("bptt"),
        ConfigurationError,
        "bptt: got an estimator that needs the whole sequence; expected one that takes it step by"
        " step. Update the weights once a sequence.",
    ),
    (
        lambda: online("dfa", PROBLEM.network.replace(loss=Loss(over="sequence"))),
        ConfigurationError,
        "loss: got that of the sequence, which is known at its end only; expected the loss of the"
        " step. Update the weights once a sequence, or use Loss(over='step').",
    ),
    (taken(4), ConfigurationError, f"steps: got 4; expected 1 to 3, {LEFT}"),
    (taken(2, 2), ConfigurationError, f"steps: got 2; expected 1 to 1, {LEFT}"),
    (taken(0), ConfigurationError, f"steps: got 0; expected 1 to 3, {LEFT}"),
]


@pytest.mark.parametrize(("call", "kind", "message"), RUNS)
def test_a_state_a_network_or_a_run_that_does_not_fit_is_said_to(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def seen(name: str) -> Pass:
    """What one pass without noise leaves."""
    estimator = make_estimator(name)
    assert isinstance(estimator, LayerwiseEstimator)
    return estimator.observe(BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, None, 1)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: seen("dfa").scale, "this pass carries no noise; draw it or give it"),
        (lambda: seen("dfa").drawn("lif1"), "this pass carries no noise; draw it or give it"),
        (lambda: seen("dfa").second, "this method made one pass only"),
        (lambda: seen("zo_two_point"), "a two-point pass needs noise"),
        (
            lambda: make_estimator("forward_gradient").directional(seen("dfa")),  # type: ignore[attr-defined]
            "a forward gradient needs a direction",
        ),
    ],
)
def test_a_pass_says_what_it_lacks(use: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        use()


def test_a_state_may_have_a_replicate_axis() -> None:
    noise = Noise(0.5, {"lif1": np.ones((3, 8, 5)), "lif2": np.ones((3, 8, 4))})
    state = {"lif1": ones(2, 5, 3), "lif2": ones(4, 3)}
    found = make_estimator("dfa").estimate(
        BACKEND,
        PROBLEM.network,
        PROBLEM.params,
        PROBLEM.batch,
        state,
        Key(0),
        replicates=range(2),
        noise=noise,
    )
    assert found.gradient["hidden1.weight"].shape == (2, 5, 6)
