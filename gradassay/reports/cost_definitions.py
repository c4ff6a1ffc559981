"""What the quantities of cost beyond plain counts mean."""

from __future__ import annotations

from gradassay.core.regimes import REGIMES

PARTS = {
    "forward": ("forward", "the forward passes"),
    "tangent": ("tangent", "tangents that go forward with a pass"),
    "backward": ("backward", "layerwise feedback"),
    "feedback": ("feedback", "direct feedback"),
    "update": ("update", "the weight gradients"),
    "feedback_update": ("feedback learning", "learning the feedback weights"),
}
ENERGY, DENSE_ENERGY = "energy_", "dense_energy_"
CURVES = {
    "feedback_operations": (
        "feedback operations",
        "Products of one sample and step that make the signals of hidden layers, sent down, sent "
        "up as tangents or direct, and that learn feedback weights.",
    ),
    "memory_bytes": (
        "memory, bytes",
        "Memory of an update of a batch, besides the weights.",
    ),
    "time_ratio": (
        "ratio of wall times",
        "Median over rounds of the time of an estimate over that of the first estimator in the "
        "same round.",
    ),
    "feedback_operations_exponent": (
        "exponent of feedback operations",
        "Least-squares slope of the logarithm of the counts on that of the size, over the larger "
        "half of the sizes.",
    ),
    "feedback_weight_bytes_exponent": (
        "exponent of feedback memory",
        "The same of the bytes of feedback weights.",
    ),
}


def _part_definitions() -> dict[str, tuple[str, str]]:
    """Name and meaning of the dense and effective operations of each part."""
    found = {}
    for name, (title, what) in PARTS.items():
        found[f"dense_{name}"] = (
            f"{title}, dense",
            f"Synaptic operations of {what} on every connection, zeros included.",
        )
        found[f"effective_{name}_macs"] = (
            f"{title}, effective MACs",
            f"Those of {what} whose activity is a real number other than 0.",
        )
        found[f"effective_{name}_acs"] = (
            f"{title}, effective ACs",
            f"Those of {what} whose activity is a spike: accumulated, not multiplied.",
        )
    return found


def _energy_definitions() -> dict[str, tuple[str, str]]:
    """Name and meaning of the energies of both kinds."""
    found = {}
    for regime in REGIMES:
        found[ENERGY + regime.name] = (
            f"energy, {regime.title}",
            "Effective MACs times (multiply + add) and effective ACs times add, of one update of "
            f"one sample; memory access excluded. {regime.source}.",
        )
        found[DENSE_ENERGY + regime.name] = (
            f"dense energy, {regime.title}",
            "The same where every connection is a MAC: neither zeros nor spikes are made use of.",
        )
    return found


COST_QUANTITIES: dict[str, tuple[str, str]] = {
    "dense_operations": ("all, dense", "Synaptic operations of all parts on every connection."),
    "effective_operations": (
        "all, effective",
        "Synaptic operations of all parts whose activity is not 0, MACs and ACs counted alike.",
    ),
    **_part_definitions(),
    "state_bytes": ("membrane potentials, bytes", "Memory of the neurons' state, one sample."),
    "buffer_bytes": (
        "buffers, bytes",
        "Memory of outputs, errors, derivatives and noise of one sample: of one step, or of all "
        "steps where the method is not online.",
    ),
    "gradient_bytes": (
        "gradient, bytes",
        "Memory of the gradient and of what is added to feedback weights, shared by all samples.",
    ),
    "peak_bytes": (
        "measured peak, bytes",
        "Most bytes held at once during one estimate of the whole batch, which this program takes "
        "in one block of all steps: by tracemalloc on NumPy, by watching the storage of tensors on "
        "torch.",
    ),
    **_energy_definitions(),
    "hidden_layers": ("hidden layers", "Weighted layers below the output that have a signal."),
    "update_locked_layers": (
        "update-locked layers",
        "Of those, layers whose update waits for the forward pass of the output layer.",
    ),
    "backward_locked_layers": (
        "backward-locked layers",
        "Of those, layers whose update waits for an error through the weights of layers above.",
    ),
    "signals_at_once": (
        "signals at once",
        "Hidden layers whose signals can be made at the same time.",
    ),
    "steps_before_update": (
        "steps before an update",
        "1 where the weights can be updated at every step, else T.",
    ),
    "sequential_depth": (
        "sequential depth",
        "Longest chain of dependent work of an update, in units of one layer at one step.",
    ),
    **CURVES,
}
