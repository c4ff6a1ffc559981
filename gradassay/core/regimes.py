"""Published energies of single operations: the regimes under which counts become joules.

Arithmetic alone: memory accesses, communication, leakage and clocks are not in these figures, and
often cost more. A regime turns counts into a scale, not into what a machine draws.
"""

from __future__ import annotations

from dataclasses import dataclass

_HOROWITZ = (
    'M. Horowitz, "Computing\'s energy problem (and what we can do about it)", ISSCC 2014, pages 10'
    " to 14, figure 1.1.9: rough energy costs in 45 nm at 0.9 V"
)
_LOIHI = (
    'M. Davies et al., "Loihi: a neuromorphic manycore processor with on-chip learning", IEEE Micro'
    " 38(1), 2018, table 2: energy per synaptic spike operation, a minimum, simulated, 14 nm"
)
_SPINNAKER2 = (
    'S. Höppner et al., "The SpiNNaker 2 processing element architecture for hybrid digital'
    ' neuromorphic computing", 2021 (arXiv 2103.08392), 22 nm, as tabulated by G. Tang et al.,'
    ' "SENECA", Frontiers in Neuroscience 17, 2023, table 3: energy per synaptic operation'
)


@dataclass(frozen=True)
class Regime:
    """Energy of an addition and of a multiplication.

    Parameters
    ----------
    name : str
        In results.
    title : str
        For people.
    add_pj, multiply_pj : float
        In picojoules. A chip whose figure is for a whole synaptic operation has it as ``add_pj``
        and 0 for the multiplication: it is charged once for an AC and once for a MAC.
    source : str
        Where the numbers stand.
    """

    name: str
    title: str
    add_pj: float
    multiply_pj: float
    source: str

    def joules(self, macs: float, acs: float) -> float:
        """Return ``MACs * (multiply + add) + ACs * add`` in joules.

        Examples
        --------
        >>> round(REGIMES[0].joules(macs=1e12, acs=1e12), 3)
        5.5
        """
        return 1e-12 * (macs * (self.multiply_pj + self.add_pj) + acs * self.add_pj)


REGIMES: tuple[Regime, ...] = (
    Regime("horowitz_fp32", "FP32, 45 nm", 0.9, 3.7, _HOROWITZ),
    Regime("horowitz_fp16", "FP16, 45 nm", 0.4, 1.1, _HOROWITZ),
    Regime("horowitz_int32", "INT32, 45 nm", 0.1, 3.1, _HOROWITZ),
    Regime("horowitz_int8", "INT8, 45 nm", 0.03, 0.2, _HOROWITZ),
    Regime("loihi", "Loihi", 23.6, 0.0, _LOIHI),
    Regime("spinnaker2", "SpiNNaker 2", 10.0, 0.0, _SPINNAKER2),
)
