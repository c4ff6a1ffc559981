"""Random streams keyed by meaning, not by the order of calls."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

Part = str | int


@dataclass(frozen=True)
class Key:
    """A name for one random stream: a seed and a path of meanings.

    Two keys with different paths give independent streams; the same key gives the same numbers in
    any process, in any order. A replicate's draw is keyed by its number, so the size of a chunk or
    the number of workers cannot change it.

    Parameters
    ----------
    seed : int
        The seed of the run, any integer.
    path : tuple of str or int
        What the stream is for, for example ``("noise", "lif1", 17)``.

    Examples
    --------
    >>> key = Key(7) / "noise" / "lif1"
    >>> key.path
    ('noise', 'lif1')
    >>> bool(key.generator().random() == key.generator().random())
    True
    """

    seed: int
    path: tuple[Part, ...] = ()

    def __truediv__(self, part: Part) -> Key:
        """Return the key one meaning further down."""
        return Key(self.seed, (*self.path, part))

    def generator(self) -> np.random.Generator:
        """Return a counter-based generator (Philox 4x64) at the start of this stream.

        The 128-bit key is the BLAKE2b hash of the seed and the whole path, type and length of each
        part included, so ``("a", "bc")`` and ``("ab", "c")``, or ``1`` and ``"1"``, differ. An
        integer of NumPy is the number that it equals.
        """
        return np.random.Generator(np.random.Philox(key=self._philox_key()))

    def numbered(self, numbers: Iterable[int]) -> Iterator[np.random.Generator]:
        """Yield a generator for each number: sub-streams of this one, far apart in its counter.

        The number, at least 0, is the highest of the counter's four 64-bit words. The same object
        is yielded each time, moved to the next sub-stream: use it before asking for the next.
        Cheaper than a key for each number, whose generator has to be seeded.
        """
        bits = np.random.Philox(key=self._philox_key())
        start: dict[str, Any] = dict(bits.state)
        generator = np.random.Generator(bits)
        for number in numbers:
            start["state"]["counter"][3] = number
            bits.state = start  # type: ignore[assignment]
            yield generator

    def _philox_key(self) -> int:
        digest = hashlib.blake2b(digest_size=16)
        for part in (self.seed, *self.path):
            kind, name = ("str", part) if isinstance(part, str) else ("int", index(part))
            text = f"{kind}:{name}".encode()
            digest.update(len(text).to_bytes(8, "little") + text)
        return int.from_bytes(digest.digest(), "little")
