"""Names in the order of the numbers in them."""

from __future__ import annotations

import re


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key under which ``2.png`` comes before ``10.png``.

    Examples
    --------
    >>> sorted(["10.bin", "2.bin"], key=natural)
    ['2.bin', '10.bin']
    """
    # by length and then by letters: a name may have more digits than Python makes a number of
    return [
        (len(word.lstrip("0")), word.lstrip("0")) if word.isdecimal() else (-1, word)
        for word in re.split(r"(\d+)", name)
    ]
