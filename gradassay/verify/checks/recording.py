"""A backend around another one that keeps what every forward pass was given."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from gradassay.core.backend import Backend
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Recorded, Trace


class RecordingBackend:
    """Give everything to the inner backend, and keep what its forward passes are given.

    Parameters
    ----------
    inner : Backend
        The backend that does the work.
    """

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.noises: list[Noise] = []
        self.params: list[Params] = []
        self.recorded: set[Recorded] = set()

    def __getattr__(self, name: str) -> Any:
        """Return what the inner backend has."""
        return getattr(self._inner, name)

    def forward(
        self,
        network: Network,
        params: Params,
        *arguments: Any,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        **options: Any,
    ) -> Trace:
        """Run a forward pass, and keep its noise, its parameters and what it had to record."""
        self.params.append(params)
        self.recorded |= record
        if noise is not None:
            self.noises.append(noise)
        return self._inner.forward(
            network, params, *arguments, noise=noise, record=record, **options
        )
