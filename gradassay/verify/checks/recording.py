"""The reference backend, keeping what every forward pass was given."""

from __future__ import annotations

from collections.abc import Set

from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Recorded, Trace
from gradassay.reference_snn import ReferenceBackend


class RecordingBackend(ReferenceBackend):
    """The reference, with lists of the noise and the parameters that it was given, in order.

    Parameters
    ----------
    noises : list of Noise
        Of the forward passes that had any.
    params : list of Params
        Of all forward passes.
    recorded : set of str
        All that forward passes had to record.
    """

    def __init__(self) -> None:
        self.noises: list[Noise] = []
        self.params: list[Params] = []
        self.recorded: set[Recorded] = set()

    def forward(
        self,
        network: Network,
        params: Params,
        batch: Batch,
        *,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        carry: Carry | None = None,
        steps: int | None = None,
    ) -> Trace:
        """Run a forward pass, and keep what it was given."""
        self.params.append(params)
        self.recorded |= record
        if noise is not None:
            self.noises.append(noise)
        return super().forward(
            network, params, batch, noise=noise, record=record, carry=carry, steps=steps
        )
