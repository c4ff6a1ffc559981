"""An estimator's own draws on a small problem, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradassay.core.estimator import Estimate
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.case import Case, Given
from gradassay.verify.checks.recording import RecordingBackend

# replicates of one call of an estimator: fixed, so that no number of workers can change a bit
BLOCK = 128


@dataclass(frozen=True)
class Draws:
    """One block of draws.

    Parameters
    ----------
    estimate : Estimate
        With a leading axis of `BLOCK` replicates.
    noise : Noise or None
        What its first noisy forward pass was given.
    params : tuple of Params
        What its forward passes were given, where the noise is on the weights.
    """

    estimate: Estimate
    noise: Noise | None
    params: tuple[Params, ...] = ()


def draw_block(case: Case, given: Given, number: int, purpose: str = "draw") -> Draws:
    """Return the draws of one block: replicates ``128 number`` to ``128 number + 127``.

    Draws of different purposes are independent.
    """
    backend = RecordingBackend()
    estimate = case.estimator.estimate(
        backend,
        case.problem.network,
        given.params,
        given.batch,
        given.state,
        case.key / purpose,
        replicates=range(number * BLOCK, (number + 1) * BLOCK),
    )
    noise = backend.noises[0] if backend.noises else None
    model = case.estimator.noise
    in_weights = model is not None and model.position == "weights"
    return Draws(estimate, noise, tuple(backend.params) if in_weights else ())


def drawing(
    case: Case, given: Given, read: Callable[[Draws], Vectors], purpose: str = "draw"
) -> Blocks:
    """Return the blocks of what `read` makes of an estimator's draws."""

    def draw(numbers: range) -> Vectors:
        return read(draw_block(case, given, numbers.start // BLOCK, purpose))

    return Blocks(draw, BLOCK, BLOCK)
