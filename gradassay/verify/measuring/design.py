"""How many states, mini-batches and draws a measurement takes."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.claims import Deterministic
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator


@dataclass(frozen=True)
class Design:
    """A nested design: blocks, each with its own feedback state; mini-batches; draws of noise.

    Parameters
    ----------
    blocks : int
        K, independent feedback states; at least 4.
    batches : int
        Mini-batches a block.
    draws : int
        Noise draws on each mini-batch.
    batch_size : int
        Samples in a mini-batch.
    warmup : int
        Updates of the feedback state, each on a mini-batch of its own, before the first draw.
    """

    blocks: int = 32
    batches: int = 16
    draws: int = 4
    batch_size: int = 32
    warmup: int = 300

    def __post_init__(self) -> None:
        limits = {"blocks": 4, "batches": 2, "draws": 1, "batch_size": 1, "warmup": 0}
        for name, least in limits.items():
            if getattr(self, name) < least:
                raise ConfigurationError(
                    f"design {name}: got {getattr(self, name)}; expected at least {least}."
                )

    @property
    def replicates(self) -> int:
        """Gradient estimates in all."""
        return self.blocks * self.batches * self.draws

    @classmethod
    def for_budget(
        cls, estimator: Estimator, budget: int, *, batch_size: int, blocks: int = 32
    ) -> Design:
        """Spread a number of estimates over the design.

        A deterministic estimator needs one draw on each mini-batch; any other gets four.

        Raises
        ------
        ConfigurationError
            If the budget is too small for two mini-batches in each block.
        """
        deterministic = any(isinstance(claim, Deterministic) for claim in estimator.claims)
        draws = 1 if deterministic else 4
        if budget < 8 * blocks:
            raise ConfigurationError(
                f"budget: got {budget}; expected at least {8 * blocks} estimates"
                f" ({blocks} blocks of 2 mini-batches with 4 draws)."
            )
        return cls(blocks, budget // (blocks * draws), draws, batch_size)
