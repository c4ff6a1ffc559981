"""Claims are sentences: what a reader of a result sees."""

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

BPTT = Estimand("bptt")
SMOOTHED = Estimand("smoothed_loss", "Gaussian, step loss")


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (UnbiasedFor(BPTT), "unbiased for bptt"),
        (UnbiasedFor(SMOOTHED), "unbiased for smoothed_loss (Gaussian, step loss)"),
        (BiasOrder(BPTT, 2), "bias of order alpha^2 for bptt"),
        (VarianceLaw("sphere", "(d - 1) |g|^2"), "variance (d - 1) |g|^2"),
        (Passes(2, 1), "2 forward, 1 backward"),
        (Passes(3, 0, noisy=2, tangent=1), "3 forward, 0 backward"),
        (Online(), "online"),
        (Deterministic(), "deterministic given its state"),
        (
            MomentumFeedback(0.99, "before"),
            "momentum feedback, lambda 0.99, used before its update",
        ),
        (Learns("nothing"), "learns nothing"),
        (
            Learns("kolen_pollack", step=0.1, decay=1e-3),
            "learns B by Kolen and Pollack, step 0.1, decay 0.001",
        ),
        (Learns("local_loss", step=0.5), "learns each readout by its own loss, step 0.5"),
        (Learns("momentum", momentum=0.9), "learns M as a running average, lambda 0.9"),
        (
            Learns("momentum", momentum=0.9, freeze_after=0),
            "learns M as a running average, lambda 0.9, frozen after 0",
        ),
        (
            Learns("momentum", step=0.25, momentum=0.9, freeze_after=50),
            "learns M as a running average, lambda 0.9, frozen after 50,"
            " a readout by its own loss, step 0.25",
        ),
        (
            Learns("mean_loss", momentum=0.75),
            "learns the mean loss as a running average, memory 0.75",
        ),
        (Learns("nothing", under="opzo/"), "opzo learns nothing"),
        (Learns("nothing", under="localX/"), "localX learns nothing"),
        (Learns("nothing", under="/opzo/"), "/opzo learns nothing"),
    ],
    ids=str,
)
def test_a_claim_is_a_sentence(claim: Claim, sentence: str) -> None:
    assert str(claim) == sentence
