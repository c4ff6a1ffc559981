"""Energy of an update under published regimes, from its effective and its dense operations."""

from __future__ import annotations

from collections.abc import Mapping

from gradassay.core.regimes import REGIMES
from gradassay.cost.effective import Synaptic


def energies(parts: Mapping[str, Synaptic], *, dense: bool = False) -> dict[str, float]:
    """Return the joules of one update of one sample, by name of regime.

    ``MACs * (multiply + add) + ACs * add``, memory access excluded.

    Parameters
    ----------
    parts : mapping from part's name to Synaptic
        Operations.
    dense : bool
        Charge every connection as a MAC, as a machine does that looks for neither zeros nor spikes.

    Examples
    --------
    >>> parts = {"forward": Synaptic(dense=100, effective_macs=10, effective_acs=20)}
    >>> round(energies(parts)["horowitz_fp32"] * 1e12, 6)
    64.0
    >>> round(energies(parts, dense=True)["horowitz_fp32"] * 1e12, 6)
    460.0
    """
    if dense:
        macs, acs = sum(part.dense for part in parts.values()), 0.0
    else:
        macs = sum(part.effective_macs for part in parts.values())
        acs = sum(part.effective_acs for part in parts.values())
    return {regime.name: regime.joules(macs, acs) for regime in REGIMES}
