"""The place at which an answer first differs, in the words of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.crosscheck.golden.reading import Pack
from gradassay.crosscheck.golden.schema import Case


@dataclass(frozen=True)
class Divergence:
    """One entry of one array.

    Parameters
    ----------
    network : str
        Network and precision.
    quantity : str
        ``spikes``, ``membrane``, ``outputs``, ..., or the estimator with ``gradient`` or ``state``.
    layer : str
        Of the spiking layer, ``readout`` for outputs, or the array's name.
    step, sample, neuron : int or None
        Counted from 0; the neuron is the unit of the layer, or the class.
    index : tuple of int
        In the array.
    expected, found : float
    membrane_expected, membrane_found : float or None
        Membrane potential at that place, where there is one and it was answered.
    """

    network: str
    quantity: str
    layer: str
    step: int | None
    sample: int | None
    neuron: int | None
    index: tuple[int, ...]
    expected: float
    found: float
    membrane_expected: float | None = None
    membrane_found: float | None = None

    def __str__(self) -> str:
        """Return it in one line."""
        if self.step is None:
            place = f"index {list(self.index)}"
        else:
            place = f"step {self.step}, sample {self.sample}"
            place += "" if self.neuron is None else f", neuron {self.neuron}"
        told = f"{self.network}, {self.quantity} of {self.layer}, {place}: "
        told += f"expected {self.expected:.17g}, found {self.found:.17g}"
        if self.membrane_expected is None or self.quantity == "membrane":
            return told
        theirs = "not answered" if self.membrane_found is None else f"{self.membrane_found:.17g}"
        return f"{told}; membrane potential {self.membrane_expected:.17g}, found {theirs}"


def first_divergence(
    pack: Pack, case: Case, path: str, wrong: np.ndarray, answers: Mapping[str, np.ndarray]
) -> Divergence:
    """Return the first wrong entry of an array in C order: by step, sample, neuron.

    Parameters
    ----------
    pack : Pack
    case : Case
        Which the array belongs to.
    path : str
        Of the array.
    wrong : array of bool
        At least one is.
    answers : mapping from path to array
    """
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    quantity, layer, timed = _named(case, path)
    step, sample, neuron = (*index, None, None, None)[:3] if timed else (None, None, None)
    ours = theirs = None
    if quantity in ("spikes", "membrane"):
        membrane = case.membrane[layer]
        ours = float(pack.arrays[membrane][index])
        theirs = float(answers[membrane][index]) if membrane in answers else None
    return Divergence(
        case.name,
        quantity,
        layer,
        step,
        sample,
        neuron,
        index,
        float(pack.arrays[path][index]),
        float(answers[path][index]),
        ours,
        theirs,
    )


def _named(case: Case, path: str) -> tuple[str, str, bool]:
    """Return quantity, layer, and whether the first axes are step and sample."""
    for quantity, mapping in (("spikes", case.spikes), ("membrane", case.membrane)):
        for layer, own in mapping.items():
            if own == path:
                return quantity, layer, True
    for method in case.methods:
        for kind, mapping in (("gradient", method.gradient), ("state", method.state_after)):
            for name, own in mapping.items():
                if own == path:
                    return f"{method.name} {kind}", name, False
    names = {case.outputs: "outputs", case.losses: "losses", case.errors: "errors"}
    return names[path], "readout", True
