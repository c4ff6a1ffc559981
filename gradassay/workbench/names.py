"""Names as people write them: several between commas, sums with blanks."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """Return names that stand between commas, each once.

    Examples
    --------
    >>> listed("mnist, digits,mnist")
    ['mnist', 'digits']
    """
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def compact(name: str) -> str:
    """Return the name of a method or sum without blanks, as it stands in records.

    Examples
    --------
    >>> compact("opzo + 0.01*local_learning")
    'opzo+0.01*local_learning'
    """
    return "".join(name.split())
