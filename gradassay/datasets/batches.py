"""One pass over the samples in random order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError


def epoch_batches(
    count: int, size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Return the indices of each batch of one epoch; the last, smaller batch is kept.

    Parameters
    ----------
    count : int
        Number of samples.
    size : int
        Samples in a batch.
    generator : numpy.random.Generator
        Draws one permutation; give it the stream of the epoch, for example
        ``(Key(seed) / "batches" / epoch).generator()``.

    Raises
    ------
    ConfigurationError
        If `count` or `size` is below 1; at the call, not at the first batch.

    Examples
    --------
    >>> [len(batch) for batch in epoch_batches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    if count < 1 or size < 1:
        raise ConfigurationError(
            f"batches: got {count!r} samples in batches of {size!r}; expected both at least 1."
        )
    order = generator.permutation(count).astype(np.int64)
    return (order[start : start + size] for start in range(0, count, size))
