"""Random streams keyed by meaning, not by the order of calls."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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
        part included, so ``("a", "bc")`` and ``("ab", "c")``, or ``1`` and ``"1"``, differ.
        """
        digest = hashlib.blake2b(digest_size=16)
        for part in (self.seed, *self.path):
            text = f"{type(part).__name__}:{part}".encode()
            digest.update(len(text).to_bytes(8, "little") + text)
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest(), "little")))
