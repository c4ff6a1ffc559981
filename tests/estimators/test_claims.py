"""What each method says of itself, claim by claim."""

from __future__ import annotations

from typing import Any

import pytest

from gradassay.core.claims import (
    BiasOrder,
    Claim,
    Deterministic,
    Estimand,
    Learns,
    MomentumFeedback,
    Online,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.layerwise import LayerwiseEstimator

TWO_POINT = VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2")
MOMENTUM = VarianceLaw("momentum_variance", "of M e: (1 - lambda)(1 - lambda^2k) / (1 + lambda) V")


def zeroth_order(options: str, at: Any, exact: str = "online_bp") -> tuple[Claim, ...]:
    return (
        UnbiasedFor(Estimand("smoothed_loss", f"gaussian noise, {options}", at)),
        BiasOrder(Estimand(exact, "smooth neurons"), 2),
    )


def opzo(options: str) -> UnbiasedFor:
    return UnbiasedFor(Estimand("expected_jacobian_feedback", options))


PLAIN: list[tuple[str, tuple[Claim, ...]]] = [
    (
        "spatial_bp",
        (UnbiasedFor(Estimand("online_bp")), Passes(1, 1), Deterministic(), Online()),
    ),
    (
        "bptt",
        (
            UnbiasedFor(Estimand("bptt", "gradient through the reset cut")),
            Passes(1, 1),
            Deterministic(),
        ),
    ),
    (
        "feedback_alignment",
        (
            UnbiasedFor(Estimand("fixed_weights")),
            Learns("nothing"),
            Passes(1, 1),
            Deterministic(),
            Online(),
        ),
    ),
    (
        "sign_symmetric",
        (UnbiasedFor(Estimand("sign_of_weights")), Passes(1, 1), Deterministic(), Online()),
    ),
    (
        "dfa",
        (
            UnbiasedFor(Estimand("fixed_feedback")),
            Learns("nothing"),
            Passes(1, 0),
            Deterministic(),
            Online(),
        ),
    ),
    (
        "dkp",
        (
            UnbiasedFor(Estimand("fixed_feedback", "learnt over the iterations")),
            Learns("kolen_pollack", step=0.01, decay=1e-6),
            Passes(1, 0),
            Deterministic(),
            Online(),
        ),
    ),
    (
        "zo_single_point",
        (
            *zeroth_order("online rule, clean activity", "noisy"),
            VarianceLaw("single_point_variance", "(d + k4 - 2) |g|^2 + d c^2 / alpha^2"),
            Passes(1, 0),
            Online(),
        ),
    ),
    (
        "zo_two_point",
        (
            *zeroth_order("central, online rule", "first"),
            TWO_POINT,
            Passes(2, 0, noisy=2),
            Online(),
        ),
    ),
    (
        "spsa",
        (
            UnbiasedFor(Estimand("smoothed_loss_in_weights", "gaussian noise")),
            BiasOrder(Estimand("bptt", "smooth neurons, gradient through the reset kept"), 2),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2, d parameters"),
            Passes(2, 0),
            Online(),
        ),
    ),
    (
        "forward_gradient",
        (
            UnbiasedFor(Estimand("online_bp")),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2 in node space"),
            Passes(1, 0, tangent=1),
            Online(),
        ),
    ),
    (
        "pzo_two_point",
        (
            UnbiasedFor(Estimand("smoothed_jacobian", "gaussian noise, online rule", "clean")),
            BiasOrder(Estimand("online_bp", "smooth neurons"), 2),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |J^T e|^2"),
            Passes(2, 0, noisy=1),
            Online(),
        ),
    ),
    (
        "opzo",
        (
            opzo("gaussian noise on the spike, time pairing, output of the step, online rule"),
            MomentumFeedback(0.99, "before", True, 1.0),
            Learns("momentum", momentum=0.99),
            MOMENTUM,
            Passes(1, 0),
            Online(),
        ),
    ),
    (
        "localzo",
        (
            UnbiasedFor(Estimand("expected_surrogate", "gaussian z, online rule")),
            Passes(1, 1),
            Online(),
        ),
    ),
    (
        "local_learning",
        (
            UnbiasedFor(Estimand("local_loss")),
            Learns("local_loss", step=0.1),
            Passes(1, 0),
            Deterministic(),
            Online(),
        ),
    ),
    (
        "intermediate_global",
        (
            opzo("gaussian noise, time pairing, of a middle readout"),
            Learns("momentum", step=0.1, momentum=0.99),
            Passes(1, 0),
            Online(),
        ),
    ),
]


@pytest.mark.parametrize(("name", "claims"), PLAIN, ids=[name for name, _ in PLAIN])
def test_a_method_claims_what_its_page_says(name: str, claims: tuple[Claim, ...]) -> None:
    assert make_estimator(name).claims == claims


def test_every_method_of_the_zoo_has_its_claims_here() -> None:
    assert tuple(name for name, _ in PLAIN) == zoo_names()


@pytest.mark.parametrize("name", sorted(set(zoo_names()) - {"bptt", "spsa"}))
def test_a_method_that_is_exact_in_time_is_not_online(name: str) -> None:
    for temporal, online in (("online", True), ("spatial", True), ("local_bptt", False)):
        assert (Online() in make_estimator(name, temporal=temporal).claims) == online


CHANGED: list[tuple[str, dict[str, Any], tuple[Claim, ...]]] = [
    ("spatial_bp", {"temporal": "spatial"}, (UnbiasedFor(Estimand("spatial_bp")),)),
    (
        "spatial_bp",
        {"temporal": "local_bptt"},
        (UnbiasedFor(Estimand("bptt", "gradient through the reset cut")),),
    ),
    (
        "bptt",
        {"reset_gradient": True},
        (UnbiasedFor(Estimand("bptt", "gradient through the reset kept")),),
    ),
    (
        "forward_gradient",
        {"temporal": "local_bptt", "space": "weight"},
        (
            UnbiasedFor(Estimand("bptt", "gradient through the reset cut")),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2 in weight space"),
        ),
    ),
    (
        "zo_two_point",
        {"form": "forward", "temporal": "spatial"},
        (
            *zeroth_order("forward, spatial rule", "clean", "spatial_bp"),
            Passes(2, 0, noisy=1),
        ),
    ),
    (
        "zo_single_point",
        {"law": "rademacher", "traces": "received", "baseline": 0.9},
        (
            UnbiasedFor(
                Estimand(
                    "expected_central_difference",
                    "rademacher noise, online rule, received activity",
                )
            ),
            Learns("mean_loss", momentum=0.9),
        ),
    ),
    (
        "spsa",
        {"law": "rademacher"},
        (UnbiasedFor(Estimand("expected_central_difference_in_weights", "rademacher noise")),),
    ),
    ("dkp", {"step": 0.5, "decay": 0.25}, (Learns("kolen_pollack", step=0.5, decay=0.25),)),
    (
        "opzo",
        {"inverse_alpha": False, "alpha": 0.25, "start": "random", "freeze_after": 3},
        (
            MomentumFeedback(0.99, "before", False, 0.25),
            Learns("momentum", momentum=0.99, gain=0.25, freeze_after=3),
        ),
    ),
    (
        "opzo+0.5*local_learning",
        {},
        (
            UnbiasedFor(Estimand("sum of the estimands of opzo, local_learning")),
            Learns("momentum", momentum=0.99, under="opzo/"),
            Learns("local_loss", step=0.1, under="local_learning/"),
            Passes(1, 0),
            Online(),
        ),
    ),
    ("spatial_bp+0.5*local_learning", {}, (Passes(1, 1), Deterministic(), Online())),
]


@pytest.mark.parametrize(("name", "options", "some"), CHANGED)
def test_options_change_the_claims_that_depend_on_them(
    name: str, options: dict[str, Any], some: tuple[Claim, ...]
) -> None:
    claims = make_estimator(name, **options).claims
    assert [claim for claim in claims if claim in some] == list(some)


@pytest.mark.parametrize(
    "options",
    [
        {"use": "after"},
        {"temporal": "local_bptt"},
        {"output": "sequence", "pairing": "none"},
    ],
)
def test_opzo_that_waits_for_the_end_is_not_online(options: dict[str, Any]) -> None:
    assert Online() not in make_estimator("opzo", **options).claims


@pytest.mark.parametrize(
    ("name", "options", "kept"),
    [
        ("dfa", {}, {"derivative", "eligibility"}),
        ("dfa", {"temporal": "spatial"}, {"derivative", "activity"}),
        (
            "dfa",
            {"temporal": "local_bptt"},
            {"derivative", "activity", "membrane", "spikes"},
        ),
        ("opzo", {"traces": "received"}, {"derivative", "received_eligibility"}),
        (
            "zo_single_point",
            {"traces": "received", "temporal": "spatial"},
            {"derivative", "received_activity"},
        ),
        ("localzo", {}, {"derivative", "eligibility", "membrane"}),
        ("dkp", {}, {"derivative", "eligibility", "spikes"}),
        ("dfa+local_learning", {}, {"derivative", "eligibility", "spikes"}),
    ],
)
def test_a_pass_keeps_what_the_method_needs_and_no_more(
    name: str, options: dict[str, Any], kept: set[str]
) -> None:
    estimator = make_estimator(name, **options)
    assert isinstance(estimator, LayerwiseEstimator)
    assert estimator.record == kept
