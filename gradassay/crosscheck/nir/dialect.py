"""How a NIR graph is cut into steps: everything that the format leaves open, under a name."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from gradassay.core.errors import ConfigurationError, is_real, unknown_name
from gradassay.crosscheck.conventions import Conventions

Integration = Literal["euler", "exponential", "exact"]
InputScale = Literal["equation", "without_r", "unscaled"]
Change = tuple[str, dict[str, Any]]
HARD = Conventions(comparison=">", reset="hard")


@dataclass(frozen=True)
class Dialect:
    """The choices under which a graph is run.

    Parameters
    ----------
    name : str
        For people.
    dt : float
        Time step, in the unit of the graph's time constants (1 where they count steps).
    integration : {"euler", "exponential", "exact"}
        Leak of a leaky variable and share s by which its input counts:

        =========== ==================== ======================
        value       leak                 s
        =========== ==================== ======================
        euler       ``1 - dt / tau``     ``dt / tau``
        exponential ``exp(-dt / tau)``   ``dt / tau``
        exact       ``exp(-dt / tau)``   ``1 - exp(-dt / tau)``
        =========== ==================== ======================

        The last is exact for an input that is constant over a step. ``v_leak`` counts by
        ``1 - leak``.
    input_scale : {"equation", "without_r", "unscaled"}
        What multiplies the input:

        =========== ========= ========= ============ =============
        value       LI, LIF   I, IF     Cuba synapse Cuba membrane
        =========== ========= ========= ============ =============
        equation    ``R s``   ``R dt``  ``w_in s``   ``R s``
        without_r   ``s``     1         ``w_in s``   ``R s``
        unscaled    1         1         1            1
        =========== ========= ========= ============ =============
    conventions : Conventions
        Comparison, reset (``hard`` to a value, ``soft`` by the threshold, ``none``), when the reset
        takes effect, and whether a step can have several spikes.
    reset_to : {"v_reset", "zero"}
        Value after a hard reset: the graph's, or 0.
    initial : {"zero", "v_leak", "v_reset"}
        Membrane potential before the first step; 0 where the neuron has no such value.
    synapse_leak : bool
        The synaptic current leaks to ``v_leak`` too, and starts there.
    floor : bool
        A neuron without leak stays above minus its threshold.
    """

    name: str
    dt: float = 1e-4
    integration: Integration = "euler"
    input_scale: InputScale = "equation"
    conventions: Conventions = HARD
    reset_to: Literal["v_reset", "zero"] = "v_reset"
    initial: Literal["zero", "v_leak", "v_reset"] = "zero"
    synapse_leak: bool = False
    floor: bool = False

    def __post_init__(self) -> None:
        if not is_real(self.dt) or not math.isfinite(self.dt) or self.dt <= 0:
            raise ConfigurationError(f"dt: got {self.dt!r}; expected a finite number above 0.")


PRESETS: tuple[Dialect, ...] = (
    # the equations of NIR 1.0.7 and later, forward Euler
    Dialect("reference"),
    # LIFBox, LIBox and IAF cells: R and v_reset dropped; `from_nir(dt=0.001)`
    Dialect(
        "norse",
        dt=1e-3,
        input_scale="without_r",
        reset_to="zero",
        initial="v_leak",
        synapse_leak=True,
    ),
    # Leaky and Synaptic with `reset_mechanism="zero", reset_delay=False`; dt fixed
    Dialect("snntorch", reset_to="zero"),
    # LIFNode, IFNode and CUBALIFNode: spikes at equality; `import_from_nir(dt=1e-4)`
    Dialect("spikingjelly", conventions=Conventions(reset="hard"), initial="v_reset"),
    # LIFSqueeze(norm_input=False) and IAFSqueeze: tau counted in steps, several spikes in one
    Dialect(
        "sinabs",
        dt=1.0,
        integration="exponential",
        input_scale="unscaled",
        conventions=Conventions(reset="soft", several=True),
        floor=True,
    ),
)
PRESET_NAMES = tuple(preset.name for preset in PRESETS)


def find_dialect(name: str, dt: float | None = None) -> Dialect:
    """Return a preset, with another time step where one is given.

    Raises
    ------
    UsageError
        There is none of this name.
    ConfigurationError
        The time step is not a finite number above 0.

    Examples
    --------
    >>> find_dialect("norse").dt, find_dialect("norse", dt=0.5).dt
    (0.001, 0.5)
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset if dt is None else dataclasses.replace(preset, dt=dt)
    raise unknown_name("dialect", name, PRESET_NAMES)


def with_variations(dialects: tuple[Dialect, ...]) -> tuple[Dialect, ...]:
    """Return the dialects and, after them, each with one choice changed; no two behave alike.

    Examples
    --------
    >>> [each.name for each in with_variations((find_dialect("reference"),))][:3]
    ['reference', 'reference, exponential', 'reference, exact']
    """
    found = list(dialects)
    for dialect in dialects:
        found += _variations(dialect)
    unlike: dict[Dialect, Dialect] = {}
    for each in found:
        unlike.setdefault(dataclasses.replace(each, name=""), each)
    return tuple(unlike.values())


def _variations(dialect: Dialect) -> list[Dialect]:
    """Return a dialect with one choice changed."""
    old = dialect.conventions
    changes: list[Change] = []
    changes += [(each, {"integration": each}) for each in ("euler", "exponential", "exact")]
    changes += [(each, {"input_scale": each}) for each in ("equation", "without_r", "unscaled")]
    inner: list[Change] = [("reset a step late", {"lag": 1})]
    inner += [("reset after the leak", {"reset_before": "comparison"})]
    inner += [(f"u {each} V", {"comparison": each}) for each in (">", ">=")]
    inner += [(f"{each} reset", {"reset": each}) for each in ("hard", "soft", "none")]
    inner += [("one spike" if old.several else "several spikes", {"several": not old.several})]
    for text, change in inner:
        changes.append((text, {"conventions": dataclasses.replace(old, **change)}))
    return [
        dataclasses.replace(dialect, name=f"{dialect.name}, {text}", **change)
        for text, change in changes
    ]
