"""What each quantity means, in words and unit."""

from __future__ import annotations

from gradassay.core.records import Measurement
from gradassay.reports.cost_definitions import COST_QUANTITIES

QUANTITIES: dict[str, tuple[str, str]] = {
    "squared_bias": (
        "relative bias²",
        "Squared norm of the estimator's mean minus the oracle gradient, divided by the squared "
        "norm of the surrogate gradient, whatever the oracle. Estimated without bias of its own, "
        "so it can come out below 0 within its interval.",
    ),
    "noise_variance": (
        "noise variance",
        "Sum over all coordinates of the variance over the injected noise, with batch and state "
        "fixed, divided by the squared norm of the surrogate gradient.",
    ),
    "batch_variance": (
        "batch variance",
        "The same for the variance over the choice of batch. A component of variance: it can "
        "come out below 0 within its interval.",
    ),
    "state_variance": (
        "state variance",
        "The same for the variance over the estimator's state, such as random or learnt feedback.",
    ),
    "total_variance": (
        "variance",
        "The sum of the three: variance over noise, batch and state together.",
    ),
    "mean_squared_error": (
        "mean squared error",
        "Mean squared distance between one estimate and the oracle gradient, divided by the "
        "squared norm of the oracle gradient: bias² plus all variance.",
    ),
    "cosine": (
        "cosine",
        "Cosine of the angle between estimate and oracle gradient: 1 the same direction, "
        "0 at right angles, -1 opposite.",
    ),
    "sign_agreement": (
        "sign agreement",
        "Fraction of coordinates in which the sign of one estimate is that of the oracle: 0.5 is "
        "chance. A coordinate of the estimate that is exactly 0 counts as half; coordinates in "
        "which the oracle is exactly 0 are left out: their share is the zeros in the oracle.",
    ),
    "zero_coordinates": (
        "zeros in the oracle",
        "Fraction of the oracle gradient's coordinates that are exactly 0, such as weights from "
        "inputs that are 0 in all samples.",
    ),
    "gradient_variance": (
        "gradient variance",
        "Sum over all coordinates of the variance of one estimate over noise and mini-batch, of "
        "as many samples as are looked at, given what the estimator has learnt, divided by the "
        "squared norm of the surrogate gradient.",
    ),
    "variance": (
        "variance, law problem",
        "Trace of the covariance of the signal, times the derivative at the spike, or of the "
        "gradient where noise is on the weights; not relative.",
    ),
    "predicted_variance": ("closed form", "The same by the closed form: exact, nothing is drawn."),
    "printed_variance": (
        "formula as printed",
        "The same by the formula as its source prints it, where that is another number.",
    ),
    "feedback_mean": (
        "mean of M along J",
        "Sum of products of the entries of feedback weights and mean Jacobian J, over the squared "
        "norm of J: 1 is feedback that has reached J.",
    ),
    "feedback_signal_to_noise": (
        "signal to noise of M",
        "Squared norm of the mean of the feedback weights over independent states, divided by "
        "the sum of their variances. Estimated without bias of its own.",
    ),
    "feedback_cosine": (
        "feedback cosine",
        "Cosine of the direct feedback weights, such as M or B, with the Jacobian of the outputs "
        "by the layer's spikes, averaged over steps and samples: 1 the feedback of an average "
        "sample's backpropagation.",
    ),
    "gradient_norm": ("gradient norm", "Euclidean norm of the oracle gradient."),
    "firing_rate": ("firing rate", "Spikes a neuron, sample and step, without noise."),
    "silent_neurons": (
        "silent neurons",
        "Fraction of a layer's neurons that fire on none of the samples looked at.",
    ),
    "forward_passes": ("forward passes", "Passes through the network for an update."),
    "backward_passes": ("backward passes", "Passes of the error back through the layers."),
    "forward_macs": ("forward MACs", "Multiply-accumulate operations of the forward passes."),
    "forward_acs": ("forward ACs", "Accumulate operations of the forward passes, one a spike."),
    "backward_macs": ("backward MACs", "Multiply-accumulate operations of layerwise feedback."),
    "feedback_macs": ("feedback MACs", "Multiply-accumulate operations of direct feedback."),
    "update_macs": ("update MACs", "Multiply-accumulate operations of the weight gradients."),
    "feedback_update_macs": (
        "feedback learning MACs",
        "Multiply-accumulate operations of learning the feedback weights.",
    ),
    "tangent_macs": (
        "tangent MACs",
        "Multiply-accumulate operations of tangents that go forward with a pass.",
    ),
    "operations": ("operations", "All MACs and ACs of an update, counted alike."),
    "noise_draws": ("noise draws", "Random numbers drawn for an update."),
    "feedback_weight_bytes": ("feedback weights, bytes", "Memory of weights used for feedback."),
    "trace_bytes": ("trace, bytes", "Memory kept of a forward pass for the gradient."),
    "step_seconds": (
        "time a step",
        "Wall time of one estimate for the whole batch, noise included.",
    ),
    **COST_QUANTITIES,
}
ORACLES = {
    "surrogate_bp": "spatial backpropagation through the surrogate derivative, on clean passes; "
    "exact, of the whole population",
    "smoothed_loss": "the gradient of the loss smoothed by the noise of the first estimator that "
    "draws any; by Monte Carlo",
    "bptt": "the surrogate gradient through time, its path through the reset cut; exact, of the "
    "whole population",
    "mean_jacobian": "direct feedback by the mean Jacobian of the population, which feedback "
    "weights can learn at best: its distance to surrogate_bp is the covariance of Jacobian and "
    "error over samples and steps; exact",
    "own_estimand": "the estimator's own gradient of the whole population, which its mean is; "
    "exact, of deterministic estimators without a state",
}
LEVELS = {
    0: "exact identity on the same randomness",
    1: "exact oracles, enumeration of all noise",
    2: "the estimator's own draws, sampled until the question is decided",
    3: "laws over a range of settings",
}
MAIN_ORACLE = "surrogate_bp"
OPERATIONS_MEANING = (
    "Operations: all multiply-accumulate (MAC) and accumulate (AC) operations of one update, "
    "for one sample over all time steps, counted alike."
)


def title_of(quantity: str) -> str:
    """Return the name of a quantity for people; an unknown one keeps its name.

    Examples
    --------
    >>> title_of("squared_bias"), title_of("spike_rate")
    ('relative bias²', 'spike rate')
    """
    return QUANTITIES.get(quantity, (quantity.replace("_", " "), ""))[0]


def definition_anchor(quantity: str) -> str:
    """Return the place of a known quantity's definition in a page, empty for an unknown one."""
    return f"definition-{quantity}" if quantity in QUANTITIES else ""


def defined_by(heading: str) -> str:
    """Return the known quantity that a heading is about, empty where there is none.

    Examples
    --------
    >>> defined_by("relative bias² (surrogate_bp)"), defined_by("variance, s")
    ('squared_bias', 'total_variance')
    >>> defined_by("estimator")
    ''
    """
    starts = {
        name: title
        for name, (title, _) in QUANTITIES.items()
        if heading == title or heading.startswith((f"{title} ", f"{title},"))
    }
    return max(starts, key=lambda name: len(starts[name]), default="")


def heading_of(quantity: str, oracle: str) -> str:
    """Return the heading of a measured quantity with the gradient that it is compared with.

    Examples
    --------
    >>> heading_of("squared_bias", "smoothed_loss"), heading_of("noise_variance", "")
    ('relative bias² (smoothed_loss)', 'noise variance')
    """
    return title_of(quantity) + (f" ({oracle})" if oracle else "")


def sorted_quantities(rows: list[Measurement]) -> list[tuple[str, str]]:
    """Return the pairs of quantity and oracle that occur, known ones first, in reading order."""
    order = list(QUANTITIES)
    pairs = dict.fromkeys((row.quantity, row.oracle) for row in rows)
    return sorted(pairs, key=lambda pair: _rank(order, pair))


def _rank(order: list[str], pair: tuple[str, str]) -> tuple[int, bool]:
    """Place of a quantity; its main oracle comes first."""
    name, oracle = pair
    return (order.index(name) if name in order else len(order), oracle not in ("", MAIN_ORACLE))


def level_text(level: int) -> str:
    """Return a level of verification with its meaning.

    Examples
    --------
    >>> level_text(1), level_text(7)
    ('level 1: exact oracles, enumeration of all noise', 'level 7')
    """
    return f"level {level}: {LEVELS[level]}" if level in LEVELS else f"level {level}"
