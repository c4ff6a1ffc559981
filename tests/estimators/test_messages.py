"""Every refusal to make an estimator, word for word: what was given, expected, and to be done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from gradassay.core.errors import ConfigurationError, GradassayError, UsageError
from gradassay.estimators import make_estimator
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.layerwise import LayerwiseEstimator

POSITIVE = "expected a positive number."
LAWS = (
    "noise law: got 'normal'; expected one of gaussian, laplace, rademacher, sphere, uniform."
    " Did you mean 'uniform'?"
)
PAIRINGS = "noise pairing: got 'pairs'; expected one of batch, none, time."
DECAY = "expected a number in [0, 1 / step)."
MOMENTUM = "expected a number in [0, 1)."
UPDATES = "expected a number of updates, at least 0."
COLD = "M would be frozen before it is warm, and the weights would never move."
START = "expected start='given' with feedback, or another start without."
SUM = "expected a name, or a sum such as opzo+0.01*local_learning."

OPTIONS: list[tuple[str, Mapping[str, Any], str]] = [
    ("bptt", {"reset_gradient": "yes"}, "bptt reset_gradient: got 'yes'; expected True or False."),
    (
        "bptt",
        {"temporal": "spatial"},
        "bptt temporal: got 'spatial'; expected 'local_bptt'. For another rule in time use"
        " spatial_bp.",
    ),
    ("dfa", {"gain": 0}, f"dfa gain: got 0; {POSITIVE}"),
    ("dfa", {"gain": math.inf}, f"dfa gain: got inf; {POSITIVE}"),
    ("dfa", {"gain": "1"}, f"dfa gain: got '1'; {POSITIVE}"),
    ("feedback_alignment", {"gain": 0}, f"feedback_alignment gain: got 0; {POSITIVE}"),
    ("sign_symmetric", {"gain": -1.0}, f"sign_symmetric gain: got -1.0; {POSITIVE}"),
    ("local_learning", {"gain": 0}, f"local_learning gain: got 0; {POSITIVE}"),
    ("local_learning", {"step": 0}, f"local_learning step: got 0; {POSITIVE}"),
    ("intermediate_global", {"gain": 0}, f"intermediate_global gain: got 0; {POSITIVE}"),
    ("intermediate_global", {"step": 0}, f"intermediate_global step: got 0; {POSITIVE}"),
    ("localzo", {"width": 0}, f"localzo width: got 0; {POSITIVE}"),
    ("dkp", {"step": 0}, f"dkp step: got 0; {POSITIVE}"),
    ("dkp", {"step": 0.5, "decay": 2.0}, f"dkp decay: got 2.0; {DECAY}"),
    ("dkp", {"decay": -1.0}, f"dkp decay: got -1.0; {DECAY}"),
    ("dkp", {"decay": "0"}, f"dkp decay: got '0'; {DECAY}"),
    *(
        (name, {"alpha": 0}, f"alpha: got 0; {POSITIVE}")
        for name in ("opzo", "zo_single_point", "zo_two_point", "pzo_two_point", "spsa")
    ),
    ("intermediate_global", {"alpha": 0}, f"alpha: got 0; {POSITIVE}"),
    *(
        (name, {"momentum": value}, f"lambda (momentum): got {value!r}; {MOMENTUM}")
        for name in ("opzo", "intermediate_global")
        for value in (-0.5, 1.0, True)
    ),
    (
        "opzo",
        {"start": "given"},
        f"opzo start: got 'given' with no matrices in feedback; {START}",
    ),
    ("opzo", {"feedback": {}}, f"opzo start: got 'zero' with matrices in feedback; {START}"),
    ("opzo", {"freeze_after": -1}, f"opzo freeze_after: got -1; {UPDATES}"),
    ("opzo", {"freeze_after": False}, f"opzo freeze_after: got False; {UPDATES}"),
    ("opzo", {"warm_up": True}, f"opzo warm_up: got True; {UPDATES}"),
    ("opzo", {"warm_up": 0.5}, f"opzo warm_up: got 0.5; {UPDATES}"),
    (
        "opzo",
        {"freeze_after": 1, "warm_up": 2},
        f"opzo freeze_after: got 1 with warm_up=2; expected at least 2: {COLD}",
    ),
    (
        "opzo",
        {"freeze_after": 2, "warm_up": 2, "use": "after"},
        f"opzo freeze_after: got 2 with warm_up=2; expected at least 3: {COLD}",
    ),
    (
        "opzo",
        {"membrane_psi": True},
        "opzo membrane_psi: got True with noise on the spikes; expected False, or"
        " position='membrane'. With noise on the spikes psi is always there.",
    ),
    (
        "opzo",
        {"output": "sequence"},
        "opzo pairing: got 'time' with output='sequence'; expected 'none' or 'batch'. Noise of"
        " opposite sign in a pair of steps cancels the sum of their outputs: what is left is no"
        " signal.",
    ),
    *(
        (
            "zo_single_point",
            {"baseline": value},
            f"zo_single_point baseline: got {value!r}; expected a number in [0, 1), or None.",
        )
        for value in (1.0, -0.1, "0", True)
    ),
    (
        "spsa",
        {"law": "sphere"},
        "spsa law: got 'sphere'; expected a law of independent entries, for example 'gaussian': a"
        " sphere is that of one layer's units.",
    ),
    (
        "forward_gradient",
        {"space": "weight", "law": "sphere"},
        "forward_gradient law: got 'sphere' with the weight space; expected a law of independent"
        " entries, for example 'gaussian'.",
    ),
    (
        "opzo+opzo",
        {},
        "hybrid: got methods ['opzo', 'opzo'] with coefficients (1.0, 1.0); expected two or more"
        " different methods, and a coefficient for each.",
    ),
    (
        "opzo+zo_two_point",
        {},
        "hybrid: got 'zo_two_point'; expected methods that make one pass and one signal for each"
        " layer. Leave it out.",
    ),
    (
        "dfa+forward_gradient",
        {},
        "hybrid: got 'forward_gradient'; expected methods that make one pass and one signal for"
        " each layer. Leave it out.",
    ),
    (
        "opzo+localzo",
        {},
        'hybrid opzo+localzo: got parts with different noise, ["NoiseModel(scale=0.2,'
        " law='gaussian', pairing='time', position='spike')\", \"NoiseModel(scale=0.5,"
        " law='gaussian', pairing='none', position='none')\"]; expected the same in all of them."
        " Give each part the same options.",
    ),
    (
        "spatial_bp+bptt",
        {},
        "hybrid spatial_bp+bptt: got parts with different local rule, [\"('local_bptt', 'clean')\","
        " \"('online', 'clean')\"]; expected the same in all of them. Give each part the same"
        " options.",
    ),
]
NAMES: list[tuple[str, Mapping[str, Any], str]] = [
    (
        "dfa",
        {"temporal": "bptt"},
        "temporal: got 'bptt'; expected one of local_bptt, online, spatial.",
    ),
    *(
        (name, {"traces": "noisy"}, "traces: got 'noisy'; expected one of clean, received.")
        for name in ("opzo", "zo_single_point")
    ),
    *(
        (name, {"law": "normal"}, LAWS)
        for name in (
            "forward_gradient",
            "intermediate_global",
            "localzo",
            "opzo",
            "pzo_two_point",
            "spsa",
            "zo_single_point",
            "zo_two_point",
        )
    ),
    ("opzo", {"pairing": "pairs"}, PAIRINGS),
    ("intermediate_global", {"pairing": "pairs"}, PAIRINGS),
    (
        "opzo",
        {"start": "zeros"},
        "opzo start: got 'zeros'; expected one of given, random, zero, zero_uncorrected. Did you"
        " mean 'zero'?",
    ),
    ("opzo", {"use": "during"}, "opzo use: got 'during'; expected one of after, before."),
    (
        "opzo",
        {"output": "steps"},
        "opzo output: got 'steps'; expected one of sequence, step. Did you mean 'step'?",
    ),
    (
        "opzo",
        {"position": "spikes"},
        "opzo position: got 'spikes'; expected one of membrane, spike. Did you mean 'spike'?",
    ),
    (
        "zo_two_point",
        {"form": "back"},
        "zo_two_point form: got 'back'; expected one of central, forward.",
    ),
    ("spsa", {"form": "back"}, "spsa form: got 'back'; expected one of central, forward."),
    (
        "forward_gradient",
        {"space": "input"},
        "forward_gradient space: got 'input'; expected one of node, weight.",
    ),
    ("opzo++dfa", {}, f"estimator: got 'opzo++dfa'; {SUM}"),
    ("1e999*opzo+dfa", {}, f"estimator: got '1e999*opzo+dfa'; {SUM}"),
    (
        "0.5*opzo",
        {},
        "estimator: got '0.5*opzo', a coefficient on a single method; expected a sum, or the name"
        " alone. Change the learning rate instead.",
    ),
    (
        "opzo+spsa",
        {},
        "estimator: got 'opzo+spsa'; expected a sum of methods that are made layer by layer, and"
        " SPSA is not. Leave it out, or run it alone.",
    ),
    ("dfa", {"alfa": 1}, "dfa option: got 'alfa'; expected one of feedback, gain, temporal."),
    (
        "dfa+local_learning",
        {"ste": 1},
        "dfa+local_learning option: got 'ste'; expected one of feedback, gain, step, temporal."
        " Did you mean 'step'?",
    ),
]


@pytest.mark.parametrize(
    ("kind", "name", "options", "message"),
    [
        *((ConfigurationError, *case) for case in OPTIONS),
        *((UsageError, *case) for case in NAMES),
    ],
)
def test_an_estimator_that_cannot_be_made_says_why(
    kind: type[GradassayError], name: str, options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(kind) as caught:
        make_estimator(name, **options)
    assert str(caught.value) == message


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        make_estimator(3)  # type: ignore[arg-type]
    assert str(caught.value) == f"estimator: got 3; {SUM}"


def test_a_sum_needs_a_coefficient_for_each_of_two_methods() -> None:
    dfa, local = (make_estimator(name) for name in ("dfa", "local_learning"))
    assert isinstance(dfa, LayerwiseEstimator)
    assert isinstance(local, LayerwiseEstimator)
    parts: tuple[LayerwiseEstimator, ...]
    for parts, coefficients in (((dfa,), (1.0,)), ((dfa, local), (1.0,)), ((), ())):
        names = [part.name for part in parts]
        with pytest.raises(ConfigurationError) as caught:
            Hybrid(parts=parts, coefficients=coefficients)
        assert str(caught.value) == (
            f"hybrid: got methods {names} with coefficients {coefficients}; expected two or more"
            " different methods, and a coefficient for each."
        )


def test_values_at_the_ends_of_their_ranges_are_taken() -> None:
    for name, options in (
        ("opzo", {"momentum": 0.0, "freeze_after": 0, "warm_up": 0}),
        ("opzo", {"freeze_after": 2, "warm_up": 2}),
        ("opzo", {"freeze_after": 3, "warm_up": 2, "use": "after"}),
        ("opzo", {"freeze_after": 0, "use": "after"}),
        ("opzo", {"output": "sequence", "pairing": "batch"}),
        ("zo_single_point", {"baseline": 0.0}),
        ("dkp", {"decay": 0.0}),
        ("dkp", {"step": 2.0, "decay": 0.25}),
    ):
        made = make_estimator(name, **options)
        assert {option: getattr(made, option) for option in options} == options
